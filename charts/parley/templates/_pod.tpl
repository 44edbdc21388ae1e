{{/* The pod of a part; all four are made of this. */}}

{{- define "parley.pod" -}}
{{- $tls := and (eq .component "edge") (include "parley.edgeTlsSecret" .root) -}}
{{- $ca := include "parley.caSecret" .root -}}
metadata:
  labels:
    {{- include "parley.podLabels" . | nindent 4 }}
    {{- with .own.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "parley.configChecksum" .root }}
    kubectl.kubernetes.io/default-container: {{ .component }}
    {{- with .own.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "parley.fullname" .root }}-{{ .component }}
  automountServiceAccountToken: {{ eq .component "operator" }}
  # Variables of other services would be taken for settings.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "parley.gracePeriod" . }}
  securityContext:
    {{- include "parley.securityContext" .own.podSecurityContext | nindent 4 }}
  {{- include "parley.optional" (dict "key" "imagePullSecrets" "value" (include "parley.pullSecrets" .root | fromJsonArray) "indent" 2) }}
  {{- with include "parley.scheduling" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "parley.optional" (dict "key" "initContainers" "value" .own.initContainers "indent" 2) }}
  containers:
    - name: {{ .component }}
      image: {{ include "parley.ownImage" . }}
      imagePullPolicy: {{ .own.image.pullPolicy | default .root.Values.image.pullPolicy }}
      ports:
        {{- include "parley.ports" . | nindent 8 }}
      env:
        {{- include "parley.env" . | nindent 8 }}
        {{- with include "parley.extraEnv" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
      {{- include "parley.optional" (dict "key" "envFrom" "value" .own.extraEnvFrom "indent" 6) }}
      {{- include "parley.probes" . | nindent 6 }}
      resources:
        {{- toYaml .own.resources | nindent 8 }}
      securityContext:
        {{- include "parley.securityContext" .own.securityContext | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/parley, readOnly: true}
        - {name: tmp, mountPath: /tmp}
        {{- if $ca }}
        - {name: redis-ca, mountPath: /etc/parley-redis-ca, readOnly: true}
        {{- end }}
        {{- if $tls }}
        - {name: tls, mountPath: /etc/parley-tls, readOnly: true}
        {{- end }}
        {{- with .own.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with .own.sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "parley.fullname" .root }}-config}
    - name: tmp
      emptyDir: {sizeLimit: {{ .own.tmpSize }}}
    {{- if $ca }}
    - name: redis-ca
      secret: {secretName: {{ $ca }}}
    {{- end }}
    {{- if $tls }}
    - name: tls
      secret: {secretName: {{ $tls }}}
    {{- end }}
    {{- with .own.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* References, as a JSON list. */}}
{{- define "parley.pullSecrets" -}}
{{- $references := list -}}
{{- range .Values.global.imagePullSecrets }}{{ $references = append $references (dict "name" .) }}{{ end -}}
{{ toJson $references }}
{{- end }}

{{/* Where a pod may run, as keys of its spec: all but empty ones. */}}
{{- define "parley.scheduling" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "priorityClassName" -}}
{{- with get $.own $key }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
{{- if .own.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range .own.topologySpread.keys }}
  - topologyKey: {{ . }}
    maxSkew: {{ $.own.topologySpread.maxSkew }}
    whenUnsatisfiable: {{ $.own.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "parley.selector" $ | nindent 8 }}
    # Old pods of a rollout do not count.
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end }}

{{- define "parley.ports" -}}
{{- if eq .component "edge" -}}
- {name: websocket, containerPort: 8765}
{{ else if ne .component "operator" -}}
- {name: http, containerPort: 8780}
{{ end -}}
- {name: admin, containerPort: 8766}
{{- end }}

{{/* Alive: the process answers; a blocked event loop has a minute, as leases are kept without it.
Ready: it takes new work; a draining pod is not, a second or two after it said so. */}}
{{- define "parley.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: admin}
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: admin}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: admin}
  periodSeconds: 1
  timeoutSeconds: 1
  failureThreshold: 2
{{- end }}
