// SPDX-FileCopyrightText: The ops-nats authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"regexp"
)

var (
	comment     = regexp.MustCompile(`(?m)^\s*(#|//).*$`)
	include     = regexp.MustCompile(`(?:^|[\s{;,])"?include"?\s*[:=]?\s*(?:"([^"]+)"|'([^']+)'|([^\s"';,}]+))`)
	certificate = regexp.MustCompile(`(?:cert_file|key_file|ca_file)"?\s*[:=\s]\s*(?:"([^"]+)"|'([^']+)'|([^\s"';,}]+))`)
)

// fingerprint changes when a byte of a watched file does. A file that is not there counts as such.
func fingerprint(configs []string) string {
	sum := sha256.New()
	visited := map[string]bool{}
	for _, config := range configs {
		addConfig(sum, visited, config)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func addConfig(sum hash.Hash, visited map[string]bool, path string) {
	text := comment.ReplaceAll(add(sum, visited, path), nil)
	for _, match := range include.FindAllSubmatch(text, -1) {
		if included := relative(path, match); !visited[included] {
			addConfig(sum, visited, included)
		}
	}
	for _, match := range certificate.FindAllSubmatch(text, -1) {
		if named := relative(path, match); !visited[named] {
			add(sum, visited, named)
		}
	}
}

func add(sum hash.Hash, visited map[string]bool, path string) []byte {
	visited[path] = true
	content, err := os.ReadFile(path)
	fmt.Fprintf(sum, "%q %t %d\n", path, err == nil, len(content))
	sum.Write(content)
	return content
}

// nats-server takes the name of an included file as relative to the file that includes it.
func relative(config string, match [][]byte) string {
	name := string(match[1]) + string(match[2]) + string(match[3])
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(filepath.Dir(config), name)
}
