//! Schedules over HTTP: previews, slots and their sums, pauses, batches that follow others, calendars.

use fasti_core::domain::time::Timestamp;
use serde_json::{Value, json};

use crate::client::Reply;
use crate::server::{NOW, Server, chain};

const MINUTE_MS: u64 = 60_000;

async fn preview(server: &Server, body: Value) -> Reply {
    server.post("/api/v1/schedules/preview", &body).await
}

fn texts(value: &Value) -> Vec<&str> {
    let items = value.as_array().unwrap().iter();
    items.map(|item| item.as_str().unwrap()).collect()
}

#[tokio::test]
async fn previews_show_instants_rundates_and_changes_of_the_clock() {
    let server = Server::start().await;
    for schedule in [
        json!({}),
        json!({"timezone": "UTC"}),
        json!({"run_after_job_name": "x"}),
    ] {
        let reply = preview(&server, json!({"schedule": schedule, "count": 5})).await;
        let empty = (reply.status, &reply.json()["fire_times"]) == (200, &json!([]));
        assert!(empty, "{}", reply.text());
    }
    let spring = json!({
        "schedule": {"at_hours": [2], "at_minutes": [30], "timezone": "Europe/Paris", "rundate_offset": -1},
        "from": "2024-03-30T01:30:00Z",
        "until": "2024-04-01T00:30:00Z",
    });
    let found = preview(&server, spring).await.json();
    // The first is included, the last excluded.
    assert_eq!(
        texts(&found["fire_times"]),
        ["2024-03-30T01:30:00.000Z", "2024-03-31T01:00:00.000Z"]
    );
    assert_eq!(texts(&found["rundates"]), ["2024-03-29", "2024-03-30"]);
    assert_eq!(
        texts(&found["local_times"]),
        ["2024-03-30T02:30:00+01:00", "2024-03-31T03:00:00+02:00"]
    );
    assert_eq!(
        found["notes"],
        json!([{"fire_time": "2024-03-31T01:00:00.000Z", "note": "moved_out_of_gap"}])
    );
    assert_eq!(found["truncated"], false);
    let said = found["description"].as_str().unwrap();
    assert!(
        said.contains("02:30") && said.contains("Europe/Paris"),
        "{said}"
    );
    let many = json!({
        "schedule": {"every_minute": 1},
        "from": "2024-01-01T00:00:00Z",
        "until": "2025-01-01T00:00:00Z",
    });
    let many = preview(&server, many).await.json();
    assert_eq!(many["fire_times"].as_array().unwrap().len(), 1000);
    assert_eq!(many["truncated"], true);
    let few = preview(&server, json!({"schedule": {"cron": "@daily"}}))
        .await
        .json();
    assert_eq!(few["fire_times"].as_array().unwrap().len(), 10);
    assert_eq!(few["truncated"], false);
    server.stop().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of what is refused")]
async fn wrong_schedules_are_refused_with_their_field() {
    let server = Server::start().await;
    for (schedule, field) in [
        (json!({"at_minutes": [60]}), "schedule.at_minutes"),
        (json!({"every_minute": 0}), "schedule.every_minute"),
        (json!({"every_minute": 60}), "schedule.every_minute"),
        (json!({"every_hour": 24}), "schedule.every_hour"),
        (json!({"weekdays": ["Mond"]}), "schedule.weekdays"),
        (json!({"day_of_month": 0}), "schedule.day_of_month"),
        (json!({"day_of_month": 32}), "schedule.day_of_month"),
        (
            json!({"first_last": {"Weekday": "Xyz", "Which": "First"}}),
            "schedule.first_last.Weekday",
        ),
        (
            json!({"first_last": {"Weekday": "Mon", "Which": "Sixth"}}),
            "schedule.first_last.Which",
        ),
        (json!({"in_months": [13]}), "schedule.in_months"),
        (json!({"every_month": 13}), "schedule.every_month"),
        (json!({"rundate_offset": 36_526}), "schedule.rundate_offset"),
        (json!({"cron": "@daily", "at_hours": [8]}), "schedule.cron"),
        (
            json!({"at_hours": [8], "run_after_job_name": "x"}),
            "schedule.at_hours",
        ),
        (
            json!({"run_after_job_uuid": "x"}),
            "schedule.run_after_job_uuid",
        ),
        (
            json!({"run_after_job_condition": "always"}),
            "schedule.run_after_job_condition",
        ),
        (
            json!({"run_after_job_name": "x", "run_after_job_uuid": "00000000-0000-0000-0000-000000000000"}),
            "schedule.run_after_job_uuid",
        ),
        (
            json!({"cron": "@daily", "misfire_within_seconds": 0}),
            "schedule.misfire_within_seconds",
        ),
        (
            json!({"cron": "@daily", "start_deadline_seconds": 0}),
            "schedule.start_deadline_seconds",
        ),
        (
            json!({"cron": "@daily", "overlap": "sometimes"}),
            "schedule.overlap",
        ),
        (
            json!({"calendars": [{"name": "none", "mode": "only_open_days"}]}),
            "schedule.calendars",
        ),
        (json!({"at_hours": [24]}), "schedule.at_hours"),
        (json!({"at_hour": [1]}), "schedule.at_hour"),
        (json!({"timezone": "Mars/Olympus"}), "schedule.timezone"),
        (
            json!({"in_months": [2], "day_of_month": 30}),
            "schedule.day_of_month",
        ),
        (json!({"cron": "61 * * * *"}), "schedule.cron"),
        (
            json!({"cron": "@daily", "misfire": "never"}),
            "schedule.misfire",
        ),
        (
            json!({"cron": "@daily", "misfire_max": 0}),
            "schedule.misfire_max",
        ),
        (
            json!({"cron": "@daily", "jitter_seconds": 4000}),
            "schedule.jitter_seconds",
        ),
        (
            json!({"cron": "@daily", "calendars": [{"name": "none", "mode": "only_open_days"}]}),
            "schedule.calendars",
        ),
    ] {
        let shown = preview(&server, json!({"schedule": schedule})).await;
        assert_eq!(shown.problem().2, field, "{schedule}");
        let mut batch = chain("b", &["a"]);
        batch["schedule"] = schedule;
        let saved = server.post("/api/v1/batches", &batch).await;
        assert_eq!(saved.problem().2, field, "{batch}");
    }
    for (body, field) in [
        (json!({"schedule": {}, "count": 1001}), "count"),
        (json!({"schedule": {}, "from": "today"}), "from"),
        (
            json!({"schedule": {}, "count": 1, "until": "2030-01-01T00:00:00Z"}),
            "count",
        ),
        (
            json!({"schedule": {}, "until": "2000-01-01T00:00:00Z"}),
            "until",
        ),
    ] {
        assert_eq!(preview(&server, body).await.problem().2, field);
    }
    server.stop().await;
}

/// A batch of one task with a schedule.
fn scheduled(name: &str, schedule: Value) -> Value {
    let mut batch = chain(name, &["a"]);
    batch["schedule"] = schedule;
    batch
}

/// Time passes; what is due happens.
async fn wait(server: &Server, at: &mut Timestamp, duration_ms: u64) {
    *at = at.plus_ms(duration_ms);
    server.clock.set(*at);
    server.wake().await;
}

async fn slots(server: &Server, id: &str, query: &str) -> Value {
    let seq = server.engine.feed().last();
    let join = if query.is_empty() { "" } else { "&" };
    let path = format!("/api/v1/batches/{id}/slots?min_seq={seq}{join}{query}");
    let reply = server.get(&path).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[tokio::test]
async fn slots_are_listed_with_sums_that_balance() {
    let server = Server::start().await;
    let mut at = NOW;
    let schedule = json!({"every_minute": 1, "overlap": "queue_one", "misfire": "skip"});
    let id = server.saved(&scheduled("minutely", schedule.clone())).await;
    let batch = server.get(&format!("/api/v1/batches/{id}")).await.json();
    assert_eq!(batch["schedule"], schedule);
    assert!(batch["next_run"].is_string());
    assert!(
        batch["schedule_description"]
            .as_str()
            .unwrap()
            .contains("minute")
    );
    for _ in 0..4 {
        wait(&server, &mut at, MINUTE_MS).await;
    }
    let found = slots(&server, &id, "").await;
    let outcomes: Vec<&str> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["waiting", "superseded", "superseded", "fired"]);
    let run = found["items"][3]["run_id"].as_u64().unwrap();
    let run = server.get(&format!("/api/v1/runs/{run}")).await.json();
    assert_eq!(run["run_type"], "scheduled");
    assert_eq!(run["scheduled_time"], found["items"][3]["first"]);
    let plan = &found["plan"];
    assert_eq!(
        (
            &plan["planned"],
            &plan["closed"],
            &plan["waiting"],
            &plan["balanced"]
        ),
        (&json!(4), &json!(3), &json!(1), &json!(true))
    );
    assert_eq!(found["totals"]["superseded"], 2);
    // A day nobody looked: one record, but for the newest slot, which is on time and takes the place of the one
    // that waited.
    wait(&server, &mut at, 24 * 60 * MINUTE_MS).await;
    let found = slots(&server, &id, "").await;
    let items = found["items"].as_array().unwrap();
    let missed = items.iter().find(|item| item["outcome"] == "missed");
    assert_eq!(missed.unwrap()["count"], 1439);
    assert_eq!(found["plan"]["balanced"], true);
    let mut walked = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = slots(&server, &id, &query).await;
        walked.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        query = format!("limit=1&cursor={cursor}");
    }
    assert_eq!(&walked, found["items"].as_array().unwrap());
    // Due, and the engine has not looked yet.
    server.clock.set(at.plus_ms(3 * MINUTE_MS));
    let found = slots(&server, &id, "").await;
    assert!(matches!(found["plan"]["open"].as_u64(), Some(0..=3)));
    server.stop().await;
}

#[tokio::test]
async fn a_pause_has_a_reason_and_an_end() {
    let server = Server::start().await;
    let mut at = NOW;
    let id = server
        .saved(&scheduled("b", json!({"every_minute": 1})))
        .await;
    let pause = |body: Value| {
        let (server, id) = (&server, &id);
        async move {
            server
                .post(&format!("/api/v1/batches/{id}/pause"), &body)
                .await
        }
    };
    let until = at.plus_ms(5 * MINUTE_MS);
    let paused = pause(json!({"reason": "holiday", "until": until.to_string()})).await;
    let paused = paused.json();
    assert_eq!(
        (
            &paused["paused"],
            &paused["paused_reason"],
            &paused["paused_until"]
        ),
        (&json!(true), &json!("holiday"), &json!(until.to_string()))
    );
    assert!(paused["next_run"].is_null());
    assert_eq!(pause(json!({"until": "soon"})).await.problem().2, "until");
    wait(&server, &mut at, 5 * MINUTE_MS).await;
    let seq = server.engine.feed().last();
    let resumed = server
        .get(&format!("/api/v1/batches/{id}?min_seq={seq}"))
        .await
        .json();
    assert_eq!(
        (&resumed["paused"], &resumed["paused_until"]),
        (&json!(false), &json!(null))
    );
    // The slot at its end is not in the pause any more.
    let found = slots(&server, &id, "").await;
    assert_eq!(
        (&found["totals"]["skipped"], &found["plan"]["balanced"]),
        (&json!(4), &json!(true))
    );
    server.stop().await;
}

#[tokio::test]
async fn a_batch_that_others_follow_is_kept() {
    let server = Server::start().await;
    let lost = scheduled("second", json!({"run_after_job_name": "first"}));
    let refused = server.post("/api/v1/batches", &lost).await;
    assert_eq!(refused.problem().2, "schedule.run_after_job_name");
    let first = server.saved(&chain("first", &["a"])).await;
    let second = server.saved(&lost).await;
    let followed = server.delete(&format!("/api/v1/batches/{first}")).await;
    assert_eq!(followed.problem().0, 409);
    assert_eq!(followed.problem().1, "batch_followed");
    let run = server
        .post(&format!("/api/v1/batches/{first}/runs"), &json!({}))
        .await
        .json();
    server.run_next(0, None).await;
    let seq = server.engine.feed().last();
    let view = server
        .get(&format!("/api/v1/batches/{second}?min_seq={seq}"))
        .await
        .json();
    assert_eq!(view["runs_after"], json!(first));
    let child = view["last_run"]["id"].as_u64().unwrap();
    let child = server.get(&format!("/api/v1/runs/{child}")).await.json();
    assert_eq!(
        (&child["run_type"], &child["parent_run_id"]),
        (&json!("run_after"), &run["id"])
    );
    server.run_next(0, None).await;
    let gone = server
        .delete(&format!("/api/v1/batches/{first}?force=true"))
        .await;
    assert_eq!(gone.status, 204);
    server.stop().await;
}

#[tokio::test]
async fn calendars_act_on_schedules() {
    let server = Server::start().await;
    let calendar = json!({
        "closed_weekdays": ["Sat", "Sun"],
        "closed": {"2024-04-01": "Easter Monday"},
        "open": {},
    });
    let path = "/api/v1/calendars/work%20days";
    let saved = server.send("PUT", path, &[], &calendar).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    assert_eq!(
        (&saved.json()["version"], &saved.json()["closed"]),
        (&json!(1), &calendar["closed"])
    );
    let schedule =
        json!({"at_hours": [8], "calendars": [{"name": "work days", "mode": "next_open_day"}]});
    let shown = preview(
        &server,
        json!({"schedule": schedule, "from": "2024-03-29T00:00:00Z", "count": 2}),
    );
    assert_eq!(
        texts(&shown.await.json()["fire_times"]),
        ["2024-03-29T08:00:00.000Z", "2024-04-02T08:00:00.000Z"]
    );
    let id = server.saved(&scheduled("b", schedule)).await;
    let busy = server.delete(path).await;
    assert_eq!(
        (busy.problem().0, busy.problem().1.as_str()),
        (409, "calendar_busy")
    );
    let wrong = json!({"closed": {"1 April": ""}});
    let refused = server.send("PUT", path, &[], &wrong).await;
    assert_eq!(refused.problem().2, "closed");
    let listed = server.get("/api/v1/calendars").await.json();
    assert_eq!(listed["items"][0]["name"], "work days");
    server.delete(&format!("/api/v1/batches/{id}")).await;
    assert_eq!(server.delete(path).await.status, 204);
    assert_eq!(server.get(path).await.status, 404);
    server.stop().await;
}
