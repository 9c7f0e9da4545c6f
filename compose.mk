# The Compose stack: included by the Makefile. docs/compose.md tells what each
# target shows on the dashboard.
COMPOSE ?= docker compose

.PHONY: up down pause resume partition heal load failover rejoin test-compose

up: ## Start the stack
	COMPOSE="$(COMPOSE)" scripts/compose-up.sh

down: ## Stop the stack; its data stays
	$(COMPOSE) --profile load --profile alerts --profile ha down

pause: ## Pause replay on the replica
	$(COMPOSE) exec -T db_replica psql -XqAtU postgres -c 'SELECT pg_wal_replay_pause()'

resume: ## Resume replay on the replica
	$(COMPOSE) exec -T db_replica psql -XqAtU postgres -c 'SELECT pg_wal_replay_resume()'

replica = $$($(COMPOSE) ps --all --quiet db_replica)
replication = $$($(COMPOSE) ps --all --format '{{.Project}}' db_replica)_replication

partition: ## Cut the replica from the primary
	docker network disconnect "$(replication)" "$(replica)"

heal: ## Undo partition
	docker network connect "$(replication)" "$(replica)"

load: ## Write heavily on the primary for LOAD_SECONDS
	$(COMPOSE) run --rm --no-TTY load

failover: ## Kill the primary of the profile ha and promote a replica
	COMPOSE="$(COMPOSE)" scripts/compose-failover.sh

rejoin: ## Start what failover killed, as a replica
	$(COMPOSE) --profile ha up --detach --no-recreate --wait ha_1 ha_2 ha_3

test-compose: ## Start the stack, test what it has to survive, and take it down
	scripts/test-compose.sh
