//! `restate:Deployment`: a service, registered with the cluster. Another revision is registered beside the old one, which goes when it is drained.

use crate::{Restate, http};
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use terrane::{Creation, Error, Found, Live, Problems, Progress, Recovery, Resource, Result};
use tokio::time::{Instant, sleep};

/// How long invocations of an old revision may take to end.
const DRAINED_WITHIN: Duration = Duration::from_secs(30 * 60);

/// A service endpoint. A new address is a new revision: it takes all new invocations, the old one finishes its own and is then removed.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "restate:Deployment", provider = Restate, outputs = DeploymentOutputs, recovery = Recovery::Returns)]
pub struct Deployment {
    /// The URLs of the cluster's admin API, tried in order.
    admin_urls: Vec<String>,
    /// Where the service listens, such as `http://127.0.0.1:9080`.
    #[input(replace)]
    uri: String,
    /// Talk HTTP/1.1 to the service, for servers that have no HTTP/2.
    #[input(default = false)]
    use_http_11: bool,
    /// A word of the program's own for this revision: another one registers the service anew although its address is the same.
    #[input(default = String::new())]
    revision: String,
}

/// What is known of a deployment.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct DeploymentOutputs {
    /// The id that Restate gave it.
    pub id: String,
    /// The services at the endpoint.
    pub services: Vec<String>,
}

impl Deployment {
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<http::Answer> {
        self.send(method, path, body, &Progress::default()).await
    }

    /// A request that may change something, under the permit of the run that does so.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        progress: &Progress,
    ) -> Result<http::Answer> {
        let mut last = Error::new("the cluster has no admin API");
        for url in &self.admin_urls {
            progress.permit()?;
            match http::ask(method.clone(), &format!("{}{path}", url.trim_end_matches('/')), body).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn register(&self, force: bool, progress: &Progress) -> Result<DeploymentOutputs> {
        let body = json!({"uri": self.uri, "use_http_11": self.use_http_11, "force": force});
        let answer = self.send(Method::POST, "/deployments", Some(&body), progress).await?;
        if !answer.status.is_success() {
            let message = format!("Restate refused the service at {}: {}", self.uri, said(&answer));
            return Err(Error::new(message).code("T0404").help("is the service listening there?").not_applied());
        }
        outputs(&answer.json()?).ok_or_else(|| Error::new(format!("unexpected answer: {}", answer.text)))
    }

    /// How many invocations are still bound to a deployment.
    async fn invocations(&self, id: &str) -> Result<u64> {
        let quoted = id.replace('\'', "''");
        let sql = format!(
            "SELECT count(*) AS n FROM sys_invocation WHERE pinned_deployment_id = '{quoted}' AND status <> 'completed'"
        );
        let answer = self.ask(Method::POST, "/query", Some(&json!({"query": sql}))).await?;
        let count = answer.json().ok().and_then(|rows| rows["rows"][0]["n"].as_u64());
        count.ok_or_else(|| Error::new(format!("could not count invocations: {}", said(&answer))))
    }
}

fn outputs(answer: &Value) -> Option<DeploymentOutputs> {
    let services =
        answer["services"].as_array()?.iter().filter_map(|service| Some(service["name"].as_str()?.to_owned()));
    Some(DeploymentOutputs { id: answer["id"].as_str()?.to_owned(), services: services.collect() })
}

fn said(answer: &http::Answer) -> String {
    let message = answer.json().ok().and_then(|json| Some(json["message"].as_str()?.to_owned()));
    format!("{} ({})", message.unwrap_or_else(|| answer.text.clone()), answer.status)
}

impl Resource for Deployment {
    fn check(&self, problems: &mut Problems) {
        if !self.uri.starts_with("http://") && !self.uri.starts_with("https://") {
            problems.add("uri", format!("must begin with http:// or https://, not `{}`", self.uri));
        }
    }

    async fn read((): &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let answer = was.inputs.ask(Method::GET, &format!("/deployments/{}", was.outputs.id), None).await?;
        if answer.status == hyper::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let seen = answer.json().ok().and_then(|json| outputs(&json)).unwrap_or_else(|| was.outputs.clone());
        Ok(Some(Live { inputs: was.inputs.clone(), outputs: seen }))
    }

    async fn create(&self, (): &(), creation: &Creation) -> Result<DeploymentOutputs> {
        self.register(false, creation.progress()).await
    }

    async fn update(&self, (): &(), was: &Live<Self>, progress: &Progress) -> Result<DeploymentOutputs> {
        let anew = was.inputs.revision != self.revision || was.inputs.use_http_11 != self.use_http_11;
        if anew { self.register(true, progress).await } else { Ok(was.outputs.clone()) }
    }

    async fn delete((): &(), was: &Live<Self>, progress: &Progress) -> Result<()> {
        let id = &was.outputs.id;
        let began = Instant::now();
        loop {
            match was.inputs.invocations(id).await? {
                0 => break,
                left => progress.say(format!("{left} invocations are still running")),
            }
            if began.elapsed() > DRAINED_WITHIN {
                return Err(Error::new(format!(
                    "invocations of {id} did not end within {} s",
                    DRAINED_WITHIN.as_secs()
                ))
                .code("T0405"));
            }
            sleep(Duration::from_millis(500)).await;
        }
        let answer = was.inputs.send(Method::DELETE, &format!("/deployments/{id}?force=true"), None, progress).await?;
        if answer.status.is_success() || answer.status == hyper::StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(Error::new(format!("Restate did not remove {id}: {}", said(&answer))))
    }

    async fn find(&self, (): &(), _: &Creation) -> Result<Found<DeploymentOutputs>> {
        // Registering the same endpoint again gives the same deployment.
        Ok(Found::Nothing)
    }
}
