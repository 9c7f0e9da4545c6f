package dashboard

// replicationHA tells the story of one cluster.
func replicationHA() Dashboard {
	return Dashboard{
		UID:   haUID,
		Title: "Replication & HA",
		Description: "One PostgreSQL cluster as an application sees it: a canary value is written on the primary and read " +
			"back from every replica, at every scrape of pg_canary_exporter.",
		Tags:          []string{"pg_canary", "postgresql", "replication"},
		SchemaVersion: schemaVersion, Editable: true, GraphTooltip: 1, Refresh: "10s",
		Time: TimeRange{From: "now-30m", To: "now"},
		Links: []object{
			link("Replication fleet", "dashboard", "/d/"+fleetUID+"?var-datasource=${datasource}", false),
			tagged("Patroni", "patroni"), tagged("postgres_exporter", "postgres_exporter"),
			link("Alert rules", "bolt", alertRules, false),
			link("Runbooks", "doc", runbooks, true),
		},
		Annotations: objectList{List: []object{
			annotation("Primary changed", "blue", tookOver(cluster), "Primary changed", "Another server took over as primary"),
			annotationAt("An alert's cause began", "red", alertBegan(cluster), "{{alertname}}", "{{severity}} {{replica}}{{node}}"),
		}},
		Templating: objectList{List: []object{
			datasourceVariable(),
			queryVariable("job", "Job", "The scrape job of the exporter", jobs, `/job="([^"]+)"/`),
			labelVariable("instance", "Instance", "An exporter, or a target of its /probe: alive or dead",
				`label_values(up{job="$job"}, instance)`),
			labelVariable("cluster", "Cluster", "The cluster, where Prometheus sets that label",
				`label_values(up{job="$job", instance="$instance"}, cluster)`),
			several(queryVariable("replica", "Replica", "The replicas shown, of those that are there now",
				"group by (replica) ("+otherNodes(cluster)+")", `/replica="([^"]+)"/`), ".*"),
		}},
		Panels: arrange([]section{
			{"Now", nowPanels()},
			{"Over time", overTimePanels()},
			{"The last 24 hours and 30 days", daysPanels()},
			{"What a reader sees", readerPanels()},
			{"Failovers", failoverPanels()},
			{"The probe itself", operationPanels()},
		}),
	}
}
