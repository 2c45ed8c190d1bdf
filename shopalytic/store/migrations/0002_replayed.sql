-- Which messages of the quarantine went back into the queue, known by their envelope's digest. Rows of the quarantine
-- stay as they are. Every node holds all of these, since each leaves them out of its own rows.
CREATE TABLE IF NOT EXISTS {{table('replayed')}} {{on_cluster}}
(
    project_id  UInt32,
    id          String,
    replayed_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{replacing_merge_tree('replayed', 'replayed_at')}}
ORDER BY (project_id, id);
