{{/* What a schema cannot say: values that do not fit each other, one sentence each. */}}

{{- define "parley.check" -}}
{{- include "parley.checkTimes" . -}}
{{- include "parley.checkSettings" . -}}
{{- include "parley.checkSecrets" . -}}
{{- include "parley.checkMemory" . -}}
{{- include "parley.checkMonitors" . -}}
{{- range $component := list "edge" "conversation" "presence" "operator" -}}
{{- $own := include "parley.own" (dict "root" $ "component" $component) | fromJson -}}
{{- include "parley.checkScaling" (dict "root" $ "component" $component "own" $own) -}}
{{- end -}}
{{- end }}

{{- define "parley.checkTimes" -}}
{{- $moving := include "parley.movingTime" . | int -}}
{{- with .Values.edge -}}
{{- if and .drainTimeout (lt (float64 .drainTimeout) (float64 $moving)) -}}
{{- fail (printf "edge.drainTimeout is %v s, but moving %v connections at %v a second to %v edge(s) takes %d s: raise it, or lower edge.maxConnections." .drainTimeout (int .maxConnections) .resumeRate (int .receivers) $moving) -}}
{{- end -}}
{{- if and (gt (int .receivers) 1) (gt (int .receivers) (sub (int (include "parley.leastPods" (dict "own" .))) 1 | int)) -}}
{{- fail (printf "edge.receivers is %d, but of %d edges at least only %d stay while one goes: lower it, or run more edges." (int .receivers) (int (include "parley.leastPods" (dict "own" .))) (sub (int (include "parley.leastPods" (dict "own" .))) 1)) -}}
{{- end -}}
{{- end -}}
{{- range $component := list "edge" "conversation" -}}
{{- $own := index $.Values $component -}}
{{- $needed := include "parley.graceNeeded" (dict "root" $ "component" $component "own" $own) | int -}}
{{- $given := $own.terminationGracePeriodSeconds | default 0 | int -}}
{{- if and $given (lt $given $needed) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds is %d s, but a drain and its end take %d s: raise it, or set 0 to have it computed." $component $given $needed) -}}
{{- end -}}
{{- if gt $needed 3600 -}}
{{- fail (printf "%s: a drain and its end take %d s, and no pod should need more than 3600 s to go: lower edge.maxConnections or the drainTimeout, or raise edge.resumeRate." $component $needed) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "parley.checkSettings" -}}
{{- $elsewhere := dict
  "redis.url" "redis"
  "redis.ca_file" "redis.external.caSecret"
  "websocket.port" "edge.service.port (the containers' own ports are fixed)"
  "websocket.endpoint_delay" "edge.endpointDelay"
  "websocket.resume_rate" "edge.resumeRate"
  "websocket.max_connections" "edge.maxConnections"
  "websocket.ssl_certfile" "edge.tls"
  "websocket.ssl_keyfile" "edge.tls"
  "system.drain_timeout" "edge.drainTimeout and conversation.drainTimeout"
  "system.key_prefix" "keyPrefix"
  "system.service_token" "serviceToken"
  "system.http_port" "nothing: the containers' own ports are fixed"
  "system.admin_port" "nothing: the containers' own ports are fixed"
  "system.server_id" "nothing: it is the pod's name"
  "system.advertise_host" "nothing: it is the pod's address"
  "system.parley_release" "nothing: it is the release's name"
  "system.parley_namespace" "nothing: it is the release's namespace"
  "system.parley_pod" "nothing: it is the pod's name"
  "operator.watch_nodes" "operator.nodes.enabled" -}}
{{- range $section, $entries := .Values.settings -}}
{{- range $name, $_ := $entries -}}
{{- with get $elsewhere (printf "%s.%s" $section $name) -}}
{{- fail (printf "settings.%s.%s is set by the chart: use %s." $section $name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "parley.checkSecrets" -}}
{{- if and (eq .Values.redis.mode "external") (not .Values.redis.external.existingSecret) -}}
{{- fail "redis.mode is external: redis.external.existingSecret must name a secret that holds its URL." -}}
{{- end -}}
{{- with .Values.edge.tls -}}
{{- if and .enabled (not .existingSecret) (not .certManager.enabled) -}}
{{- fail "edge.tls is enabled: edge.tls.existingSecret must name a certificate's secret, or edge.tls.certManager be enabled." -}}
{{- end -}}
{{- if and .certManager.enabled (or (not .enabled) (not .certManager.issuerRef.name) (not .certManager.dnsNames)) -}}
{{- fail "edge.tls.certManager is enabled: it needs edge.tls.enabled, issuerRef.name and dnsNames." -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "parley.checkMemory" -}}
{{- with .Values.redis.bundled -}}
{{- $limit := dig "limits" "memory" "" .resources -}}
{{- if and $limit (gt (include "parley.bytes" .maxmemory | float64) (mulf 0.85 (include "parley.bytes" $limit | float64))) -}}
{{- fail (printf "redis.bundled.maxmemory is %s, more than 85 %% of the limit of memory, %v: lower it, or raise redis.bundled.resources.limits.memory." .maxmemory (kindIs "string" $limit | ternary $limit (int64 $limit))) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "parley.checkMonitors" -}}
{{- if and .Values.metrics.podMonitor.enabled .Values.metrics.serviceMonitor.enabled -}}
{{- fail "metrics: podMonitor and serviceMonitor would scrape everything twice: enable one of them." -}}
{{- end -}}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) -}}
{{- fail "gateway is enabled: gateway.parentRefs must name a Gateway." -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress is enabled: ingress.hosts must name a host." -}}
{{- end -}}
{{- end }}

{{- define "parley.checkScaling" -}}
{{- $scaling := .own.autoscaling | default dict -}}
{{- if $scaling.enabled -}}
{{- if lt (int $scaling.maxReplicas) (int $scaling.minReplicas) -}}
{{- fail (printf "%s.autoscaling: maxReplicas %d is less than minReplicas %d." .component (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- end -}}
{{- if and $scaling.targetCPUUtilizationPercentage (not (dig "requests" "cpu" "" .own.resources)) -}}
{{- fail (printf "%s.autoscaling is by CPU, in percent of %s.resources.requests.cpu, which is not set." .component .component) -}}
{{- end -}}
{{- if not (or $scaling.targetCPUUtilizationPercentage $scaling.targetConnections $scaling.targetOldestSeconds) -}}
{{- fail (printf "%s.autoscaling has no target." .component) -}}
{{- end -}}
{{- if and (eq $scaling.by "keda") (or $scaling.targetConnections $scaling.targetOldestSeconds) (not .root.Values.keda.serverAddress) -}}
{{- fail (printf "%s.autoscaling is by keda and a metric: keda.serverAddress must name a Prometheus." .component) -}}
{{- end -}}
{{- end -}}
{{- end }}
