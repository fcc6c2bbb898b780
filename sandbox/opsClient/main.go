// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// A client that asks a primary as ops-server does, by the library and the calls that Ops uses (github.com/shaowenchen/ops at
// 827ada26, pkg/event/jetstream.go; our own words): no stream name where it has none, no domain, no option but the URL and how long it waits.
//
//	ops-client subjects URL         the subjects of the stream ops
//	ops-client query URL SUBJECT    subject and text of the events that a subject has from an hour ago on, a line each
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A busy machine may take seconds for an answer; a question that nobody got has none after ten either.
const patience = 10 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ops-client:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("expected subjects URL, or query URL SUBJECT")
	}
	connection, err := nats.Connect(args[1], nats.Timeout(patience))
	if err != nil {
		return err
	}
	defer connection.Close()
	switch {
	case args[0] == "subjects" && len(args) == 2:
		return subjects(connection)
	case args[0] == "query" && len(args) == 3:
		return query(connection, args[2])
	}
	return fmt.Errorf("expected subjects URL, or query URL SUBJECT; came %q", args)
}

func subjects(connection *nats.Conn) error {
	js, err := jetstream.New(connection)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, "ops")
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(">"))
	if err != nil {
		return err
	}
	names := make([]string, 0, len(info.State.Subjects))
	for name := range info.State.Subjects {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Println(name)
	}
	return nil
}

func query(connection *nats.Conn, subject string) error {
	js, err := connection.JetStream(nats.MaxWait(patience))
	if err != nil {
		return err
	}
	subscription, err := js.PullSubscribe(subject, "", nats.StartTime(time.Now().Add(-time.Hour)))
	if err != nil {
		return err
	}
	defer func() { _ = subscription.Unsubscribe() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	messages, err := subscription.Fetch(1000, nats.Context(ctx))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) {
		return err
	}
	for _, message := range messages {
		fmt.Println(message.Subject, string(message.Data))
		if err := message.Ack(); err != nil {
			return err
		}
	}
	return nil
}
