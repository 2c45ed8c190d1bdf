-- How many events of each name arrived since an instant, how many of them with violations, and how many the tracking plan
-- refused or set aside.
SELECT
    event,
    sum(stored) AS events,
    sum(wrong) AS violating,
    sum(turned_away) AS refused,
    sum(kept_apart) AS set_aside
FROM
(
    SELECT event, count() AS stored, countIf(notEmpty(violations)) AS wrong, 0 AS turned_away, 0 AS kept_apart
    FROM {{events}}
    WHERE project_id = {project:UInt32} AND received_at >= {since:DateTime64(3, 'UTC')}
    GROUP BY event
    UNION ALL
    SELECT event, 0, 0, count(), 0
    FROM {{table('dropped')}}
    WHERE project_id = {project:UInt32} AND received_at >= {since:DateTime64(3, 'UTC')} AND reason = 'refused_by_plan'
    GROUP BY event
    UNION ALL
    SELECT event, 0, 0, 0, count()
    FROM {{table('quarantine')}}
    WHERE project_id = {project:UInt32} AND received_at >= {since:DateTime64(3, 'UTC')} AND reason = 'against_plan'
    GROUP BY event
)
GROUP BY event
ORDER BY events + refused + set_aside DESC, event
LIMIT {limit:UInt32}
