{{/*
SPDX-FileCopyrightText: The ops-nats authors
SPDX-License-Identifier: Apache-2.0
*/}}

{{/* What the server is configured with, as JSON. Takes the root. */}}
{{- define "standin.settings" -}}
{{- $name := include "standin.name" . -}}
{{- $config := .Values.config -}}
{{- $settings := dict
  "server_name" "<< $SERVER_NAME >>"
  "port" 4222
  "pid_file" "/var/run/nats/nats.pid"
  "lame_duck_grace_period" "10s"
  "lame_duck_duration" "30s"
-}}
{{- if $config.monitor.enabled }}{{ $_ := set $settings "http_port" 8222 }}{{ end -}}
{{- with $config.cluster }}{{ if .enabled -}}
  {{- $routes := list -}}
  {{- range $ordinal := until (int .replicas) -}}
    {{- $routes = append $routes (printf "nats://%s-%d.%s-headless:6222" $name $ordinal $name) -}}
  {{- end -}}
  {{- $cluster := dict "name" $name "port" 6222 "no_advertise" true "routes" $routes -}}
  {{- $_ := set $settings "cluster" (mergeOverwrite $cluster (deepCopy (.merge | default dict))) -}}
{{- end }}{{ end -}}
{{- with $config.leafnodes }}{{ if .enabled -}}
  {{- $leafnodes := dict "port" 7422 "no_advertise" true -}}
  {{- $_ := set $settings "leafnodes" (mergeOverwrite $leafnodes (deepCopy (.merge | default dict))) -}}
{{- end }}{{ end -}}
{{- with $config.jetstream }}{{ if .enabled -}}
  {{- $jetstream := dict "max_memory_store" 0 "max_file_store" 0 -}}
  {{- with .memoryStore }}{{ if .enabled -}}
    {{- $_ := set $jetstream "max_memory_store" (printf "<< %v >>" .maxSize) -}}
  {{- end }}{{ end -}}
  {{- with .fileStore }}{{ if .enabled -}}
    {{- $_ := set $jetstream "store_dir" .dir -}}
    {{- /* Without a limit of its own it is the claim's size, and without a claim the server decides. */ -}}
    {{- $limit := .maxSize | default (.pvc.enabled | ternary .pvc.size "") -}}
    {{- if $limit }}{{ $_ := set $jetstream "max_file_store" (printf "<< %v >>" $limit) }}
    {{- else }}{{ $_ := unset $jetstream "max_file_store" }}{{ end -}}
  {{- end }}{{ end -}}
  {{- $_ := set $settings "jetstream" (mergeOverwrite $jetstream (deepCopy (.merge | default dict))) -}}
{{- end }}{{ end -}}
{{- mergeOverwrite $settings (deepCopy ($config.merge | default dict)) | toJson -}}
{{- end -}}

{{/*
A setting in the language of nats.conf. A key that ends in $include becomes an include line, a text "<< x >>" a bare x:
a variable, or a size with a suffix. Takes the value and the indentation of the line it stands on.
*/}}
{{- define "standin.setting" -}}
{{- $value := index . 0 -}}
{{- $outer := index . 1 -}}
{{- $inner := printf "%s  " $outer -}}
{{- $left := 0 -}}
{{- if and (kindIs "map" $value) $value -}}
{ {{- $left = len $value -}}
  {{- range $key, $below := $value -}}
    {{- $left = sub $left 1 -}}
    {{- printf "\n%s" $inner -}}
    {{- if hasSuffix "$include" $key -}}
      {{- printf "include %s;" $below -}}
    {{- else -}}
      {{- printf "%s: %s" (toRawJson $key) (include "standin.setting" (list $below $inner)) }}{{ if $left }},{{ end -}}
    {{- end -}}
  {{- end -}}
  {{- printf "\n%s}" $outer -}}
{{- else if and (kindIs "slice" $value) $value -}}
[ {{- $left = len $value -}}
  {{- range $below := $value -}}
    {{- $left = sub $left 1 -}}
    {{- printf "\n%s%s" $inner (include "standin.setting" (list $below $inner)) }}{{ if $left }},{{ end -}}
  {{- end -}}
  {{- printf "\n%s]" $outer -}}
{{- else if and (kindIs "string" $value) (regexMatch "^<<\\s.*\\s>>$" (toString $value)) -}}
  {{- trimAll "<>" $value | trim -}}
{{- else -}}
  {{- toRawJson $value -}}
{{- end -}}
{{- end -}}

{{/*
The files beside nats.conf that the reloader has to watch, one on a line: includes and certificates, found in maps
at any depth; the official chart does not look into lists either. Takes a map of settings.
*/}}
{{- define "standin.watched" -}}
{{- range $key, $below := . -}}
  {{- if has $key (list "ca_file" "cert_file" "key_file") -}}
    {{- printf "%s\n" $below -}}
  {{- else if hasSuffix "$include" $key -}}
    {{- clean (printf "/etc/nats-config/%s" $below) | printf "%s\n" -}}
  {{- else if kindIs "map" $below -}}
    {{- include "standin.watched" $below -}}
  {{- end -}}
{{- end -}}
{{- end -}}

{{/* The ConfigMap as YAML: an object of its own, and the source of the checksum of the pods. Takes the root. */}}
{{- define "standin.configMap" -}}
{{- $name := include "standin.name" . -}}
{{- $settings := include "standin.settings" . | fromJson -}}
{{- $labels := include "standin.labels" (list . "nats") | fromYaml -}}
{{- dict
  "apiVersion" "v1"
  "kind" "ConfigMap"
  "metadata" (dict "name" (printf "%s-config" $name) "labels" $labels)
  "data" (dict "nats.conf" (printf "%s\n" (include "standin.setting" (list $settings ""))))
  | toYaml -}}
{{- end -}}
