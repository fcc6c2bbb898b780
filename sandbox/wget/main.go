// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

// A stand-in for the wget of nats-box: `wget -q -T SECONDS -O - URL` and nothing else. Debian's static busybox, of which the
// sandbox's images are made, ends with a segmentation fault when it looks up a name.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := get(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "wget:", err)
		os.Exit(1)
	}
}

func get(args []string) error {
	if len(args) != 6 || args[0] != "-q" || args[1] != "-T" || args[3] != "-O" || args[4] != "-" {
		return fmt.Errorf("expected -q -T SECONDS -O - URL; came %q", args)
	}
	seconds, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	client := http.Client{Timeout: time.Duration(seconds) * time.Second}
	response, err := client.Get(args[5])
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", args[5], response.Status)
	}
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
