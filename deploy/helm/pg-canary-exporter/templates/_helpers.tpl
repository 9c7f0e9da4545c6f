{{- define "pg-canary-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* At most 40 of the 63 characters of a name: what is made for it adds to it. */}}
{{- define "pg-canary-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "pg-canary-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pg-canary-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: exporter
{{- end }}

{{- /* Of everything but the exporter's own pods, which alone are selected by component: exporter. */}}
{{- define "pg-canary-exporter.commonLabels" -}}
app.kubernetes.io/name: {{ include "pg-canary-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "pg-canary-exporter.labels" -}}
{{ include "pg-canary-exporter.commonLabels" . }}
app.kubernetes.io/component: exporter
{{- end }}

{{- define "pg-canary-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "pg-canary-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "pg-canary-exporter.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}
{{- else }}{{ .repository }}:{{ default (printf "v%s" $.Chart.AppVersion) .tag }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The volume of values.files: what is missing keeps no pod from starting. */}}
{{- define "pg-canary-exporter.filesVolume" -}}
name: files
projected:
  defaultMode: 0440
  sources:
    {{- range .Values.files }}
    {{- $name := default .configMap .secret }}
    - {{ ternary "secret" "configMap" (not (empty .secret)) }}:
        name: {{ $name | quote }}
        optional: true
        items:
          {{- range .keys }}
          - {key: {{ . | quote }}, path: {{ printf "%s/%s" $name . | quote }}}
          {{- end }}
    {{- end }}
{{- end }}

{{- /* Where Prometheus finds the exporter: service.namespace.svc:port. */}}
{{- define "pg-canary-exporter.address" -}}
{{ include "pg-canary-exporter.fullname" . }}.{{ .Release.Namespace }}.svc:10187
{{- end }}

{{- define "pg-canary-exporter.monitoringMeta" -}}
namespace: {{ default .Release.Namespace .Values.monitoring.namespace | quote }}
labels:
  {{- include "pg-canary-exporter.labels" . | nindent 2 }}
  {{- with .Values.monitoring.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* What Prometheus needs to be admitted, each at the beginning of a line; nothing where it needs nothing. */}}
{{- define "pg-canary-exporter.scrapeAuth" -}}
{{- $auth := dict }}
{{- range $key := list "tlsConfig" "basicAuth" }}
{{- with get $.Values.monitoring $key }}{{ $_ := set $auth $key . }}{{ end }}
{{- end }}
{{- with $auth }}{{ toYaml . }}{{ end }}
{{- end }}
