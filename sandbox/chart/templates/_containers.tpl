{{/*
SPDX-FileCopyrightText: The ops-nats authors
SPDX-License-Identifier: Apache-2.0
*/}}

{{/* The ports that are open, as a JSON list of [name, port]. Takes the root. */}}
{{- define "standin.ports" -}}
{{- $config := .Values.config -}}
{{- $ports := list (list "nats" 4222) -}}
{{- if $config.leafnodes.enabled }}{{ $ports = append $ports (list "leafnodes" 7422) }}{{ end -}}
{{- if $config.cluster.enabled }}{{ $ports = append $ports (list "cluster" 6222) }}{{ end -}}
{{- if $config.monitor.enabled }}{{ $ports = append $ports (list "monitor" 8222) }}{{ end -}}
{{- toJson $ports -}}
{{- end -}}

{{/* "yes" if the server's data lies on a claim. Takes the root. */}}
{{- define "standin.claim" -}}
{{- with .Values.config.jetstream }}{{ if and .enabled .fileStore.enabled .fileStore.pvc.enabled }}yes{{ end }}{{ end -}}
{{- end -}}

{{/* A probe by the monitor's /healthz. Takes the query, the period and the failures that are borne. */}}
{{- define "standin.probe" -}}
httpGet: { path: {{ printf "/healthz%s" (index . 0) | quote }}, port: monitor }
initialDelaySeconds: 10
periodSeconds: {{ index . 1 }}
timeoutSeconds: 5
successThreshold: 1
failureThreshold: {{ index . 2 }}
{{- end -}}

{{/* Takes the root. */}}
{{- define "standin.serverContainer" -}}
{{- $values := .Values.container -}}
{{- $container := include "standin.overlay" (list (include "standin.serverDefaults" .) $values.merge) | fromYaml -}}
{{- range $values.patch -}}
  {{- $_ := set $container "volumeMounts" (append $container.volumeMounts .value) -}}
{{- end -}}
{{- toYaml $container -}}
{{- end -}}

{{- define "standin.serverDefaults" -}}
name: nats
{{ include "standin.image" (list . .Values.container.image) }}
args: ["--config", "/etc/nats-config/nats.conf"]
env:
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: SERVER_NAME
  value: {{ printf "%s$(POD_NAME)" .Values.config.serverNamePrefix | quote }}
{{- include "standin.env" .Values.container.env }}
ports:
{{- range include "standin.ports" . | fromJsonArray }}
- name: {{ first . }}
  containerPort: {{ last . }}
{{- end }}
lifecycle:
  preStop:
    exec:
      # Lame duck: clients and leafs are asked to go elsewhere before the server stops.
      command: ["nats-server", "-sl=ldm=/var/run/nats/nats.pid"]
{{- if .Values.config.monitor.enabled }}
startupProbe: {{- include "standin.probe" (list "" 10 90) | nindent 2 }}
readinessProbe: {{- include "standin.probe" (list "?js-server-only=true" 10 3) | nindent 2 }}
livenessProbe: {{- include "standin.probe" (list "?js-enabled-only=true" 30 3) | nindent 2 }}
{{- end }}
volumeMounts:
- name: config
  mountPath: /etc/nats-config
- name: pid
  mountPath: /var/run/nats
{{- if include "standin.claim" . }}
- name: {{ include "standin.name" . }}-js
  mountPath: {{ .Values.config.jetstream.fileStore.dir | quote }}
{{- end }}
{{- end -}}

{{/* It sees, of the server's mounts, those below /etc/. Takes the root and the server's container. */}}
{{- define "standin.reloaderContainer" -}}
{{- $root := first . -}}
name: reloader
{{ include "standin.image" (list $root $root.Values.reloader.image) }}
args:
- -pid
- /var/run/nats/nats.pid
- -config
- /etc/nats-config/nats.conf
{{- range include "standin.settings" $root | fromJson | include "standin.watched" | splitList "\n" | compact }}
- -config
- {{ . | quote }}
{{- end }}
volumeMounts:
- name: pid
  mountPath: /var/run/nats
{{- range (last .).volumeMounts }}{{ if hasPrefix "/etc/" .mountPath }}
- {{- toYaml . | nindent 2 }}
{{- end }}{{ end }}
{{- end -}}

{{/* Takes the root. */}}
{{- define "standin.exporterContainer" -}}
{{- $config := .Values.config -}}
{{- $what := list "connz" "routez" "subz" "varz" "prefix=nats" "use_internal_server_id" -}}
{{- if $config.jetstream.enabled }}{{ $what = append $what "jsz=all" }}{{ end -}}
{{- if $config.leafnodes.enabled }}{{ $what = append $what "leafz" }}{{ end -}}
name: prom-exporter
{{ include "standin.image" (list . (dict "repository" "natsio/prometheus-nats-exporter" "tag" "0.15.0")) }}
args:
- -port=7777
{{- range $what }}
- -{{ . }}
{{- end }}
- http://localhost:8222/
ports:
- name: prom-metrics
  containerPort: 7777
{{- end -}}
