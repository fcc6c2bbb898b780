// wget of nats-box, as far as the keeper of the streams uses it.
module ops-nats/sandbox/wget

go 1.25.0
