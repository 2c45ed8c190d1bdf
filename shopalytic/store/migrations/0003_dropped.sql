-- Messages that were dropped with something to tell: what was wrong, and where it came from. Not what they said: that was
-- not to be stored.
CREATE TABLE IF NOT EXISTS {{local('dropped')}} {{on_cluster}}
(
    project_id  UInt32,
    event       LowCardinality(String),
    occurred_at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC'),
    message_id  String,
    door        LowCardinality(String),
    library     LowCardinality(String),
    origin_id   UUID,
    customer_id UUID,
    path        String CODEC(ZSTD(1)),
    reason      LowCardinality(String),
    detail      String CODEC(ZSTD(1)),
    violations  Array(LowCardinality(String))
)
ENGINE = {{merge_tree('dropped')}}
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, received_at, message_id)
SETTINGS {{deduplication_window(10000)}};

{{distributed('dropped', 'cityHash64(message_id)')}}
