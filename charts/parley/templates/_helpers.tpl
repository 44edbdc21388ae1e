{{/* Names, labels and what is computed. A `part` is dict "root" $ "component" NAME "own" VALUES. */}}

{{- define "parley.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains "parley" .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ .Release.Name | trunc 33 | trimSuffix "-" }}-parley
{{- end -}}
{{- end }}

{{/* The four parts that this release runs, as a JSON list. */}}
{{- define "parley.components" -}}
{{- $all := list "edge" "conversation" "presence" -}}
{{- if .Values.operator.enabled }}{{ $all = append $all "operator" }}{{ end -}}
{{ toJson $all }}
{{- end }}

{{/* Values of a part: those of `pods`, and before them its own. Input: dict "root" $ "component" NAME. */}}
{{- define "parley.own" -}}
{{ include "parley.merge" (list .root.Values.pods (index .root.Values .component)) }}
{{- end }}

{{/* The second map over the first, as JSON. Sprig's own merge would take false, 0 and null for not given. */}}
{{- define "parley.merge" -}}
{{- $merged := deepCopy (index . 0) -}}
{{- range $key, $value := index . 1 -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $merged $key)) -}}
{{- $_ := set $merged $key (include "parley.merge" (list (get $merged $key) $value) | fromJson) -}}
{{- else -}}
{{- $_ := set $merged $key $value -}}
{{- end -}}
{{- end -}}
{{ toJson $merged }}
{{- end }}

{{- define "parley.labels" -}}
{{ include "parley.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Of pods: without the chart's version, or every new chart would restart everything. */}}
{{- define "parley.podLabels" -}}
{{ include "parley.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "parley.selector" -}}
app.kubernetes.io/name: parley
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* metadata of an object of a part; `suffix` if its name is not the part's. */}}
{{- define "parley.metadata" -}}
name: {{ include "parley.fullname" .root }}-{{ .suffix | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "parley.labels" . | nindent 2 }}
{{- end }}

{{/* Reference of an image. Input: dict "root" $ "image" {repository, tag, digest} "tag" FALLBACK. */}}
{{- define "parley.image" -}}
{{- $name := .image.repository -}}
{{- with .root.Values.global.imageRegistry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if .image.digest -}}
{{ printf "%s@%s" $name .image.digest }}
{{- else -}}
{{ printf "%s:%s" $name (.image.tag | default .tag) }}
{{- end -}}
{{- end }}

{{- define "parley.ownImage" -}}
{{ include "parley.image" (dict "root" .root "image" .own.image "tag" (.root.Values.image.tag | default .root.Chart.AppVersion)) }}
{{- end }}

{{/* A key with its value on a line of its own; nothing for an empty one. Input: dict "key" "value" "indent". */}}
{{- define "parley.optional" -}}
{{- with .value -}}
{{ printf "%s:\n%s" $.key (toYaml . | indent 2) | nindent (int $.indent) }}
{{- end -}}
{{- end }}

{{/* A security context without the keys that are null. */}}
{{- define "parley.securityContext" -}}
{{- $given := dict -}}
{{- range $key, $value := . }}{{ if not (kindIs "invalid" $value) }}{{ $_ := set $given $key $value }}{{ end }}{{ end -}}
{{ toYaml $given }}
{{- end }}

{{/* ---- Secrets ---- */}}

{{- define "parley.tokenSecret" -}}
{{ .Values.serviceToken.existingSecret | default (printf "%s-service-token" (include "parley.fullname" .)) }}
{{- end }}

{{- define "parley.tokenKey" -}}
{{ if .Values.serviceToken.existingSecret }}{{ .Values.serviceToken.key }}{{ else }}token{{ end }}
{{- end }}

{{- define "parley.isBundled" -}}
{{ if eq .Values.redis.mode "bundled" }}true{{ end }}
{{- end }}

{{- define "parley.redisSecret" -}}
{{- if include "parley.isBundled" . -}}
{{ .Values.redis.bundled.existingSecret | default (printf "%s-redis" (include "parley.fullname" .)) }}
{{- else -}}
{{ .Values.redis.external.existingSecret }}
{{- end -}}
{{- end }}

{{- define "parley.redisKey" -}}
{{ if include "parley.isBundled" . }}url{{ else }}{{ .Values.redis.external.key }}{{ end }}
{{- end }}

{{- define "parley.caSecret" -}}
{{ if not (include "parley.isBundled" .) }}{{ .Values.redis.external.caSecret.name }}{{ end }}
{{- end }}

{{- define "parley.edgeTlsSecret" -}}
{{- with .Values.edge.tls -}}
{{- if .enabled }}{{ .existingSecret | default (printf "%s-edge-tls" (include "parley.fullname" $)) }}{{ end -}}
{{- end -}}
{{- end }}

{{/* ---- Times of going ---- */}}

{{/* Seconds in which the connections of one full edge move to `receivers` others. */}}
{{- define "parley.movingTime" -}}
{{- with .Values.edge -}}
{{ divf .maxConnections (mulf .resumeRate .receivers) | ceil | int }}
{{- end -}}
{{- end }}

{{- define "parley.edgeDrainTimeout" -}}
{{ .Values.edge.drainTimeout | default (max 30 (include "parley.movingTime" . | int)) }}
{{- end }}

{{- define "parley.graceNeeded" -}}
{{- if eq .component "edge" -}}
{{ addf .own.endpointDelay (include "parley.edgeDrainTimeout" .root) .own.terminationReserve | ceil | int }}
{{- else -}}
{{ addf .own.drainTimeout .own.terminationReserve | ceil | int }}
{{- end -}}
{{- end }}

{{/* Seconds from SIGTERM to SIGKILL of a part's pods. */}}
{{- define "parley.gracePeriod" -}}
{{- if has .component (list "edge" "conversation") -}}
{{ .own.terminationGracePeriodSeconds | default (include "parley.graceNeeded" .) }}
{{- else -}}
{{ .own.terminationGracePeriodSeconds }}
{{- end -}}
{{- end }}

{{/* ---- How much ---- */}}

{{/* Bytes of a quantity of Kubernetes or of Redis, whose kb, mb and gb are powers of 1024. */}}
{{- define "parley.bytes" -}}
{{- $units := dict "kb" 1024 "mb" 1048576 "gb" 1073741824 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "k" 1000 "M" 1000000 "G" 1000000000 -}}
{{- $text := kindIs "string" . | ternary (toString .) (int64 . | toString) -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{ mulf (regexFind "^[0-9.]+" $text | float64) (get $units $unit | default 1) | int64 }}
{{- end }}

{{/* ---- How many ---- */}}

{{- define "parley.leastPods" -}}
{{- if and .own.autoscaling .own.autoscaling.enabled }}{{ .own.autoscaling.minReplicas }}{{ else }}{{ .own.replicas }}{{ end -}}
{{- end }}

{{- define "parley.configChecksum" -}}
{{ printf "%s" (toYaml .Values.settings) | sha256sum }}
{{- end }}
