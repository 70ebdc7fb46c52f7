//! Authentication, at every endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Scenario;
use crate::check::book::Sign;
use crate::check::call::{Call, Endpoint, Login, Work};
use crate::check::options::Auth;
use crate::check::patience::Moment;
use crate::check::session::{Reply, Stop};
use crate::check::stage::{Learned, Stage, refused};

pub(super) const ACCESS: Scenario = Scenario {
    name: "wrong credentials",
    judges: &[
        "auth.requests-authenticated",
        "auth.failure-401",
        "errors.4xx-no-side-effects",
    ],
    needs: agreed,
    play: |stage| Box::pin(play(stage)),
};

/// A broker without asynchronous operations may lack the endpoints.
pub(super) const POLLS: Scenario = Scenario {
    name: "polls with wrong credentials",
    judges: &["auth.requests-authenticated", "auth.failure-401"],
    needs: |stage| {
        agreed(stage)?;
        let Learned {
            provisions_async,
            binds_async,
            ..
        } = &*stage.learned;
        match Learned::is(provisions_async) || Learned::is(binds_async) {
            true => Ok(()),
            false => Err("no plan that was judged is provisioned or bound asynchronously"),
        }
    },
    play: |stage| Box::pin(polls(stage)),
};

fn agreed(stage: &Stage) -> Result<(), &'static str> {
    match stage.session.options.auth {
        Some(_) => Ok(()),
        None => Err("no credentials were given, so there are none to get wrong"),
    }
}

async fn play(stage: &Stage) -> Result<(), Stop> {
    let Some(auth) = stage.session.options.auth.clone() else {
        return Ok(());
    };
    for login in wrong(&auth) {
        let reply = wrongly(stage, &Call::catalog().login(login)).await?;
        judge(stage, &reply);
    }
    for call in calls(stage) {
        for login in wrong(&auth).into_iter().take(2) {
            let reply = wrongly(stage, &call.clone().login(login)).await?;
            judge(stage, &reply);
            if call.endpoint == Endpoint::Provision && reply.is_refusal() {
                stage.nothing_made(&reply, &call).await?;
            }
        }
    }
    let instance = stage.instance().await?;
    let deletion = stage.deprovision(&instance.resource);
    let reply = wrongly(stage, &deletion.clone().login(Login::None)).await?;
    judge(stage, &reply);
    let right = stage.send(&deletion).await?;
    if reply.is_refusal() && stage.learned.tells_gone(&instance.resource) {
        stage.expect(
            &right,
            "errors.4xx-no-side-effects",
            !right.says_gone(),
            "an instance that is still there after its deletion was refused",
        );
    }
    if right.status == 202 {
        stage
            .settle(&instance.resource, Work::Delete, &right)
            .await?;
    }
    Ok(())
}

async fn polls(stage: &Stage) -> Result<(), Stop> {
    let Some(auth) = stage.session.options.auth.clone() else {
        return Ok(());
    };
    let nobody = stage.fresh();
    let mut calls = Vec::new();
    if Learned::is(&stage.learned.provisions_async) {
        calls.push(stage.poll(&nobody, Work::Unknown, None));
    }
    if Learned::is(&stage.learned.binds_async) {
        calls.push(stage.poll(&stage.fresh_binding(&nobody), Work::Unknown, None));
    }
    for call in calls {
        for login in wrong(&auth).into_iter().take(2) {
            let reply = wrongly(stage, &call.clone().login(login)).await?;
            judge(stage, &reply);
        }
    }
    Ok(())
}

/// Sends a call whose credentials are wrong. Who counts such calls, and will have no
/// more of them, has not looked at this one.
async fn wrongly(stage: &Stage, call: &Call) -> Result<Reply, Stop> {
    let subject = call.resource.as_ref().map(|_| &*stage.subject);
    let reply = stage.session.send(call, subject).await?;
    match Moment::of(&reply) {
        None => Ok(reply),
        Some(Moment::TooMany) => {
            let why = "a target that does not limit wrong logins would show it";
            Err(Stop::because(format!("{}; {why}", refused(&reply))))
        }
        Some(_) => stage.send(call).await,
    }
}

/// Ways to get the credentials wrong; the first two say the most.
fn wrong(auth: &Auth) -> Vec<Login> {
    let basic = |pair: String| Login::Other(format!("Basic {}", STANDARD.encode(pair)));
    let mut wrong = vec![Login::None];
    match auth {
        Auth::Basic(credentials) => {
            let (user, password) = credentials.reveal().split_once(':').unwrap_or_default();
            wrong.push(basic(format!("{user}:{password}x")));
            wrong.push(basic(format!("{user}:conformance-wrong-password")));
            if let Some((last, _)) = password.char_indices().next_back() {
                wrong.push(basic(format!("{user}:{}", &password[..last])));
            }
            wrong.push(basic(format!("{user}x:{password}")));
            wrong.push(Login::Other("Basic".to_owned()));
        }
        Auth::Token(token) => {
            wrong.push(Login::Other(format!("Bearer {}x", token.reveal())));
            wrong.push(Login::Other("Bearer".to_owned()));
        }
    }
    wrong
}

/// A well-formed request of each endpoint that the broker has, for what does not
/// exist, but for polls.
fn calls(stage: &Stage) -> Vec<Call> {
    let nobody = stage.fresh();
    let mut calls = vec![stage.provision(&nobody), stage.deprovision(&nobody)];
    if stage.is_fetchable(&nobody) {
        calls.push(stage.fetch(&nobody));
    }
    if stage.learned.update.get().is_some() {
        calls.push(stage.update(&nobody, &json!({})));
    }
    if stage.subject.is_bindable {
        let binding = stage.fresh_binding(&nobody);
        calls.push(stage.bind(&binding));
        calls.push(stage.unbind(&binding));
        if stage.is_fetchable(&binding) {
            calls.push(stage.fetch(&binding));
        }
    }
    calls
}

/// Who goes on with the request has not checked it; who refuses it otherwise has
/// used another status.
fn judge(stage: &Stage, reply: &Reply) {
    let is_processed = reply.is_success() || matches!(reply.status, 404 | 409 | 410 | 422);
    let checked = "auth.requests-authenticated";
    let expected = "no processing of a request without the right credentials";
    stage.judge(reply, checked, !is_processed, Sign::Broken, expected);
    let expected = "401 Unauthorized without the right credentials";
    match (reply.status, is_processed) {
        (401, _) => stage.kept(reply, "auth.failure-401", expected),
        (_, true) => stage.unclear(
            "auth.failure-401",
            "see auth.requests-authenticated, which is broken",
        ),
        (_, false) => stage.expect(reply, "auth.failure-401", false, expected),
    }
}
