module ops-nats/sandbox/reloader

go 1.24
