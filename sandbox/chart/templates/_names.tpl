{{/*
SPDX-FileCopyrightText: The ops-nats authors
SPDX-License-Identifier: Apache-2.0
*/}}

{{/* The name that all others begin with: the release's own if it says nats already. Takes the root. */}}
{{- define "standin.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "nats" $name) }}{{ $name = printf "%s-nats" $name }}{{ end -}}
{{- trunc 63 $name | trimSuffix "-" -}}
{{- end -}}

{{/* What selectors select on. Takes the root and the component. */}}
{{- define "standin.selector" -}}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/name: nats
{{- end -}}

{{/* All labels. Takes the root and the component. */}}
{{- define "standin.labels" -}}
{{- $root := index . 0 -}}
{{ include "standin.selector" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end -}}

{{/* The image line of a container, and its pull policy. Takes the root and an image of the values. */}}
{{- define "standin.image" -}}
{{- $image := index . 1 -}}
{{- $registry := $image.registry | default (index . 0).Values.global.image.registry -}}
image: {{ list $registry (printf "%s:%s" $image.repository $image.tag) | compact | join "/" | quote }}
{{- with $image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end -}}

{{/* Environment: a text is a value, a map is the rest of an EnvVar. Takes the map of the values. */}}
{{- define "standin.env" -}}
{{- range $name, $source := . }}
- name: {{ $name | quote }}
  {{- kindIs "string" $source | ternary (dict "value" $source) $source | toYaml | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "standin.pullSecrets" -}}
{{- with .Values.global.image.pullSecretNames }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A document with others laid over it: maps are merged, lists replaced. Takes the YAML text and the maps. */}}
{{- define "standin.overlay" -}}
{{- $document := first . | fromYaml -}}
{{- range rest . }}{{ $document = mergeOverwrite $document (deepCopy (. | default dict)) }}{{ end -}}
{{- toYaml $document -}}
{{- end -}}
