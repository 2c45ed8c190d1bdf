-- One row an accepted event. Columns are named and ordered like shopalytic.events.event.Event.
-- The deduplication window is what makes a repeated batch count once: without it a crash between insert and
-- acknowledgement stores the batch twice.
CREATE TABLE IF NOT EXISTS {{local('events')}} {{on_cluster}}
(
    project_id      UInt32,
    event           LowCardinality(String),
    occurred_at     DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    stored_at       DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    message_id      String CODEC(ZSTD(1)),
    door            LowCardinality(String),
    source          LowCardinality(String),
    library         LowCardinality(String),

    origin_id       UUID CODEC(ZSTD(1)),
    customer_id     UUID CODEC(ZSTD(1)),
    tracking_id     String CODEC(ZSTD(1)),
    user_ids        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    session_id      String CODEC(ZSTD(1)),

    url             String CODEC(ZSTD(1)),
    path            String CODEC(ZSTD(1)),
    title           String CODEC(ZSTD(1)),
    page_type       LowCardinality(String),
    referrer        String CODEC(ZSTD(1)),
    referrer_domain LowCardinality(String),
    channel         LowCardinality(String),
    utm_source      LowCardinality(String),
    utm_medium      LowCardinality(String),
    utm_campaign    LowCardinality(String),
    utm_term        LowCardinality(String),
    utm_content     LowCardinality(String),
    click_id_type   LowCardinality(String),
    click_id        String CODEC(ZSTD(1)),

    device          LowCardinality(String),
    browser         LowCardinality(String),
    browser_version LowCardinality(String),
    os              LowCardinality(String),
    os_version      LowCardinality(String),
    is_bot          Bool,
    language        LowCardinality(String),
    time_zone       LowCardinality(String),
    screen          LowCardinality(String),
    country         LowCardinality(String),

    order_id        String CODEC(ZSTD(1)),
    cart_id         String CODEC(ZSTD(1)),
    refund_type     LowCardinality(String),
    shipment_id     String CODEC(ZSTD(1)),
    carrier         LowCardinality(String),
    sku             LowCardinality(String),
    product_name    LowCardinality(String),
    qty             Nullable(Int64),
    price           Nullable(Decimal(18, 4)),
    currency        LowCardinality(String),
    total           Nullable(Decimal(18, 4)),
    subtotal        Nullable(Decimal(18, 4)),
    total_tax       Nullable(Decimal(18, 4)),
    total_shipping  Nullable(Decimal(18, 4)),
    total_discount  Nullable(Decimal(18, 4)),
    line_items      Nested
    (
        sku   LowCardinality(String),
        name  LowCardinality(String),
        qty   Int64,
        price Decimal(18, 4),
        cost  Nullable(Decimal(18, 4))
    ),

    properties      JSON,
    violations      Array(LowCardinality(String)),

    INDEX by_message message_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_origin origin_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_customer customer_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_order order_id TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_receipt received_at TYPE minmax GRANULARITY 1
)
ENGINE = {{merge_tree('events')}}
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (project_id, event, toDate(occurred_at), origin_id, occurred_at)
SETTINGS {{deduplication_window(10000)}};

{{distributed('events', "cityHash64(if(tracking_id = '', toString(origin_id), tracking_id))")}}

-- Every node holds all overrides, since each reads its own rows through its own dictionary.
-- Who a row's origin really is, where that changed after rows were stored. One row an origin: the newest version
-- replaces the whole timeline, so that a later one with fewer steps leaves nothing of the earlier behind.
CREATE TABLE IF NOT EXISTS {{table('overrides')}} {{on_cluster}}
(
    project_id UInt32,
    origin_id  UUID,
    timeline   Array(Tuple(from_at DateTime64(3, 'UTC'), to_at DateTime64(3, 'UTC'), customer_id UUID)),
    version    UInt64
)
ENGINE = {{replacing_merge_tree('overrides', 'version')}}
ORDER BY (project_id, origin_id);

-- Both ends of a dictionary's range are closed: a step ends a millisecond before the next one starts.
CREATE DICTIONARY IF NOT EXISTS {{table('owners')}} {{on_cluster}}
(
    project_id  UInt32,
    origin_id   UUID,
    from_at     DateTime64(3, 'UTC'),
    to_at       DateTime64(3, 'UTC'),
    customer_id UUID
)
PRIMARY KEY project_id, origin_id
SOURCE(CLICKHOUSE(QUERY 'SELECT project_id, origin_id, step.1, step.2, step.3 FROM {{table('overrides')}} FINAL ARRAY JOIN timeline AS step'))
LAYOUT(COMPLEX_KEY_RANGE_HASHED())
RANGE(MIN from_at MAX to_at)
LIFETIME(0);

-- What could not be processed, whole, with its reason.
CREATE TABLE IF NOT EXISTS {{local('quarantine')}} {{on_cluster}}
(
    project_id    UInt32,
    message_id    String,
    received_at   DateTime64(3, 'UTC'),
    reason        LowCardinality(String),
    detail        String,
    event         LowCardinality(String),
    envelope      String CODEC(ZSTD(3))
)
ENGINE = {{merge_tree('quarantine')}}
PARTITION BY toYYYYMM(received_at)
ORDER BY (project_id, received_at, message_id)
SETTINGS {{deduplication_window(10000)}};

{{distributed('quarantine', 'cityHash64(message_id)')}}
