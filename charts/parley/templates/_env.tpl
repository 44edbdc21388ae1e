{{/* Environment of the parts. */}}

{{- define "parley.env" -}}
- {name: CONFIG_FILE, value: /etc/parley/config.yaml}
- {name: KEY_PREFIX, value: {{ .root.Values.keyPrefix | quote }}}
- {name: PARLEY_RELEASE, value: {{ .root.Release.Name | quote }}}
- name: PARLEY_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: PARLEY_POD
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: SERVER_ID
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: ADVERTISE_HOST
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: SERVICE_TOKEN
  valueFrom: {secretKeyRef: {name: {{ include "parley.tokenSecret" .root }}, key: {{ include "parley.tokenKey" .root }}}}
- name: REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ include "parley.redisSecret" .root }}, key: {{ include "parley.redisKey" .root }}}}
{{- if include "parley.caSecret" .root }}
- {name: REDIS_CA_FILE, value: /etc/parley-redis-ca/{{ .root.Values.redis.external.caSecret.key }}}
{{- end }}
{{- include (printf "parley.env.%s" .component) . }}
{{- end }}

{{- define "parley.env.edge" }}
{{- include "parley.env.moving" . }}
- {name: MAX_CONNECTIONS, value: {{ .own.maxConnections | int | quote }}}
{{- if include "parley.edgeTlsSecret" .root }}
- {name: SSL_CERTFILE, value: /etc/parley-tls/tls.crt}
- {name: SSL_KEYFILE, value: /etc/parley-tls/tls.key}
{{- end }}
{{- end }}

{{- define "parley.env.conversation" }}
- {name: DRAIN_TIMEOUT, value: {{ .own.drainTimeout | quote }}}
{{- end }}

{{- define "parley.env.presence" }}{{ end }}

{{- define "parley.env.operator" }}
{{- include "parley.env.moving" . }}
- {name: ADMIN_PORT, value: "8766"}
- {name: WATCH_NODES, value: {{ .own.nodes.enabled | quote }}}
{{- end }}

{{/* How edges move their connections: the operator reckons with the same. */}}
{{- define "parley.env.moving" }}
- {name: ENDPOINT_DELAY, value: {{ .root.Values.edge.endpointDelay | quote }}}
- {name: RESUME_RATE, value: {{ .root.Values.edge.resumeRate | quote }}}
- {name: DRAIN_TIMEOUT, value: {{ include "parley.edgeDrainTimeout" .root | quote }}}
{{- end }}

{{- define "parley.extraEnv" -}}
{{- $ours := list -}}
{{- range include "parley.env" . | fromYamlArray }}{{ $ours = append $ours .name }}{{ end -}}
{{- range .own.extraEnv }}
{{- if has .name $ours -}}
{{- fail (printf "%s.extraEnv has %s, which the chart sets from other values." $.component .name) -}}
{{- end }}
{{- end }}
{{- with .own.extraEnv }}{{ toYaml . }}{{ end }}
{{- end }}
