// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// Command reloader stands in for natsio/nats-server-config-reloader 0.15.1 in the sandbox, where no image registry
// is needed. It is our own work and does the part that the chart relies on: it watches the files given by -config,
// the files these include and the certificates they name, and sends SIGHUP to the process in the -pid file.
// Whatever else the real one can be told is refused, so that nobody takes this for the real one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The real one waits for file system events; reading a few small files four times a second sees the same, and follows
// the links by which a Secret's or ConfigMap's volume is swapped as a whole.
const interval = 250 * time.Millisecond

type files []string

func (f *files) String() string         { return strings.Join(*f, ",") }
func (f *files) Set(value string) error { *f = append(*f, value); return nil }

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	pidFile := flag.String("pid", "/var/run/nats/nats.pid", "file that holds the server's process id")
	var configs files
	flag.Var(&configs, "config", "configuration file to watch (may be given several times)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "reloader (stand-in): unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if len(configs) == 0 {
		configs = files{"/etc/nats-config/nats.conf"}
	}
	log.Printf("reloader (stand-in for nats-server-config-reloader): watching %s and what they include", configs.String())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ticker := time.NewTicker(interval)
	seen := fingerprint(configs)
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		now := fingerprint(configs)
		if now == seen {
			continue
		}
		if err := reload(*pidFile); err != nil {
			log.Printf("configuration changed, will try again: %v", err)
			continue
		}
		seen = now
		log.Printf("configuration changed: sent SIGHUP")
	}
}

func reload(pidFile string) error {
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return errors.Join(fmt.Errorf("%s holds no process id: %q", pidFile, text), err)
	}
	return syscall.Kill(pid, syscall.SIGHUP)
}
