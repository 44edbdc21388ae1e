{{/* Pieces of network policies. */}}

{{/* Pods of this release by component, as one entry of from or to. Input: dict "root" $ "components" LIST. */}}
{{- define "parley.peers" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: parley
      app.kubernetes.io/instance: {{ .root.Release.Name }}
    matchExpressions:
      - {key: app.kubernetes.io/component, operator: In, values: {{ toJson .components }}}
{{- end }}

{{/* One rule by port numbers: dict "way" to|from "peers" LIST "ports" LIST. Without peers: everybody. */}}
{{- define "parley.rule" -}}
- ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .peers }}
  {{ $.way }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "parley.dnsRule" -}}
- ports:
    {{- range .Values.networkPolicy.dns.ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with .Values.networkPolicy.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* Out to Redis, wherever it is. */}}
{{- define "parley.redisRule" -}}
{{- if include "parley.isBundled" . -}}
- ports: [{port: redis, protocol: TCP}]
  to:
    {{- include "parley.peers" (dict "root" $ "components" (list "redis")) | nindent 4 }}
{{- else -}}
{{ include "parley.rule" (dict "way" "to" "peers" list "ports" .Values.redis.external.ports) }}
{{- end -}}
{{- end }}

{{/* Into a part's pods. */}}
{{- define "parley.in" -}}
{{- if eq .component "edge" -}}
{{ include "parley.in.edge" .root }}
{{- else if ne .component "operator" -}}
{{ include "parley.in.http" .root }}
{{- end }}
{{ include "parley.in.admin" . }}
{{- end }}

{{- define "parley.in.edge" -}}
- ports: [{port: websocket, protocol: TCP}]
  {{- with .Values.networkPolicy.clients }}
  from:
    {{- toYaml . | nindent 4 }}
    {{- if $.Values.tests.enabled }}
    {{- include "parley.peers" (dict "root" $ "components" (list "test")) | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "parley.in.http" -}}
{{- with .Values.networkPolicy.backends -}}
- ports: [{port: http, protocol: TCP}]
  from:
    {{- toYaml . | nindent 4 }}
{{- end -}}
{{- end }}

{{- define "parley.in.admin" -}}
{{- $from := list -}}
{{- if and .root.Values.operator.enabled (ne .component "operator") -}}
{{- $from = concat $from (include "parley.peers" (dict "root" .root "components" (list "operator")) | fromYamlArray) -}}
{{- end -}}
{{- with .root.Values.networkPolicy.prometheus }}{{ $from = concat $from . }}{{ end -}}
{{- with $from -}}
- ports: [{port: admin, protocol: TCP}]
  from:
    {{- toYaml . | nindent 4 }}
{{- end -}}
{{- end }}

{{- define "parley.out.conversation" -}}
{{ include "parley.rule" (dict "way" "to" "peers" .Values.networkPolicy.models.to "ports" .Values.networkPolicy.models.ports) }}
{{- with .Values.networkPolicy.conversationEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "parley.out.operator" -}}
- ports: [{port: admin, protocol: TCP}]
  to:
    {{- include "parley.peers" (dict "root" $ "components" (list "edge" "conversation" "presence")) | nindent 4 }}
{{ include "parley.rule" (dict "way" "to" "peers" .Values.networkPolicy.apiServer.to "ports" .Values.networkPolicy.apiServer.ports) }}
{{- end }}
