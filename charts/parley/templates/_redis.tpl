{{/* Files of the bundled Redis. */}}

{{- define "parley.redisFiles" -}}
{{- range $name := list "start.sh" "alive.sh" "ready.sh" }}
{{ $name }}: |
  {{- $.Files.Get (printf "files/redis/%s" $name) | trim | nindent 2 }}
{{- end }}
redis.conf: |
  {{- .Files.Get "files/redis/redis.conf" | trim | nindent 2 }}
  appendfsync {{ .Values.redis.bundled.appendfsync }}
  maxmemory {{ .Values.redis.bundled.maxmemory }}
{{- end }}

{{- define "parley.redisScheduling" -}}
{{- with .Values.redis.bundled -}}
{{- $own := dict
  "nodeSelector" (.nodeSelector | default $.Values.pods.nodeSelector)
  "tolerations" (.tolerations | default $.Values.pods.tolerations)
  "affinity" (.affinity | default $.Values.pods.affinity)
  "priorityClassName" (.priorityClassName | default $.Values.pods.priorityClassName)
  "topologySpread" (dict "enabled" false) -}}
{{ include "parley.scheduling" (dict "root" $ "component" "redis" "own" $own) }}
{{- end -}}
{{- end }}
