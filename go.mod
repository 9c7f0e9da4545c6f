module github.com/pg-canary/pg_canary_exporter

go 1.26.0
