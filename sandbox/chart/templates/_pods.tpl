{{/*
SPDX-FileCopyrightText: The ops-nats authors
SPDX-License-Identifier: Apache-2.0
*/}}

{{/* The pod template of the servers, whole. Takes the root. */}}
{{- define "standin.serverPod" -}}
{{- $values := .Values.podTemplate -}}
{{- $pod := include "standin.overlay" (list (include "standin.serverPodDefaults" .) $values.merge) | fromYaml -}}
{{- range $values.patch -}}
  {{- $_ := set $pod.spec "volumes" (append $pod.spec.volumes .value) -}}
{{- end -}}
{{- toYaml $pod -}}
{{- end -}}

{{- define "standin.serverPodDefaults" -}}
{{- $server := include "standin.serverContainer" . -}}
metadata:
  labels: {{- include "standin.labels" (list . "nats") | nindent 4 }}
  annotations:
    {{- if .Values.podTemplate.configChecksumAnnotation }}
    checksum/config: {{ include "standin.configMap" . | sha256sum }}
    {{- end }}
spec:
  enableServiceLinks: false
  {{- include "standin.pullSecrets" . | nindent 2 }}
  {{- if .Values.reloader.enabled }}
  # The reloader sends its signal to the server's process.
  shareProcessNamespace: true
  {{- end }}
  containers:
  - {{- $server | nindent 4 }}
  {{- if .Values.reloader.enabled }}
  - {{- include "standin.reloaderContainer" (list . (fromYaml $server)) | nindent 4 }}
  {{- end }}
  {{- if .Values.promExporter.enabled }}
  - {{- include "standin.exporterContainer" . | nindent 4 }}
  {{- end }}
  volumes:
  - name: config
    configMap: { name: {{ include "standin.name" . }}-config }
  - name: pid
    emptyDir: {}
  {{- with .Values.podTemplate.topologySpreadConstraints }}
  topologySpreadConstraints:
  {{- range $key, $constraint := . }}
  - topologyKey: {{ $key | quote }}
    labelSelector:
      matchLabels: {{- include "standin.selector" (list $ "nats") | nindent 8 }}
    {{- toYaml $constraint | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{/*
The pod template of nats-box, whole. Takes the root, the component, the arguments of the container, and what is laid
over the values' own merge.
*/}}
{{- define "standin.boxPod" -}}
{{- $merge := (first .).Values.natsBox.podTemplate.merge -}}
{{- include "standin.overlay" (list (include "standin.boxPodDefaults" .) $merge (index . 3)) -}}
{{- end -}}

{{- define "standin.boxPodDefaults" -}}
{{- $root := first . -}}
{{- $values := $root.Values.natsBox.container -}}
{{- $contexts := printf "%s-box-contexts" (include "standin.name" $root) -}}
metadata:
  labels: {{- include "standin.labels" (list $root (index . 1)) | nindent 4 }}
spec:
  enableServiceLinks: false
  {{- include "standin.pullSecrets" $root | nindent 2 }}
  containers:
  - name: nats-box
    {{- include "standin.image" (list $root $values.image) | nindent 4 }}
    {{- with $values.env }}
    env: {{- include "standin.env" . | nindent 4 }}
    {{- end }}
    command:
    - sh
    - -ec
    - {{ include "standin.boxStart" $root | toJson }}
    - --
    args: {{- index . 2 | toYaml | nindent 4 }}
    volumeMounts:
    - name: contexts
      mountPath: /etc/nats-contexts
  volumes:
  - name: contexts
    secret: { secretName: {{ $contexts }} }
{{- end -}}

{{/* Makes the mounted contexts those of the nats CLI, then goes on as the image does. */}}
{{- define "standin.boxStart" -}}
settings="$XDG_CONFIG_HOME/nats"
mkdir -p "$settings"
[ -s "$settings/context" ] || ln -s /etc/nats-contexts "$settings/context"
[ -f "$settings/context.txt" ] || printf default > "$settings/context.txt"
exec /entrypoint.sh "$@"
{{- end -}}

{{/* One request, and an answer; a few tries, until the replier has subscribed. */}}
{{- define "standin.askAndAnswer" -}}
nats reply echo --echo & replier=$!
trap 'kill $replier' EXIT
for try in 1 2 3 4 5; do
  sleep 1
  if nats request echo hi | grep -q hi; then exit 0; fi
done
exit 1
{{- end -}}
