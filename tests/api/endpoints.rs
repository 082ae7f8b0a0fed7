//! Which host is written where: clients get the public one, our own calls take the internal one, and the region is a setting.

use serde_json::json;

use crate::harness::{TestApp, fields_of, path_of, send};

/// What `[buckets.media]` says; our own calls go to the simulator, at an IP address and so in path style by itself.
struct Case {
    region: &'static str,
    endpoint: &'static str,
    public_host: Option<&'static str>,
    /// What every address that a client gets begins with.
    base: &'static str,
}

const CASES: [Case; 9] = [
    Case {
        region: "cn-hangzhou",
        endpoint: "https://oss-cn-hangzhou.aliyuncs.com",
        public_host: None,
        base: "https://app-media.oss-cn-hangzhou.aliyuncs.com/",
    },
    Case {
        region: "cn-hangzhou",
        endpoint: "https://oss-cn-hangzhou.aliyuncs.com",
        public_host: Some("media.example.com"),
        base: "https://media.example.com/",
    },
    Case {
        region: "cn-hangzhou",
        endpoint: "https://oss-accelerate.aliyuncs.com",
        public_host: None,
        base: "https://app-media.oss-accelerate.aliyuncs.com/",
    },
    Case {
        region: "cn-hangzhou",
        endpoint: "https://cn-hangzhou.oss.aliyuncs.com",
        public_host: None,
        base: "https://app-media.cn-hangzhou.oss.aliyuncs.com/",
    },
    Case {
        region: "cn-hangzhou",
        endpoint: "https://203.0.113.7",
        public_host: None,
        base: "https://203.0.113.7/app-media/",
    },
    Case {
        region: "cn-hangzhou",
        endpoint: "https://[2001:db8::7]:8443",
        public_host: None,
        base: "https://[2001:db8::7]:8443/app-media/",
    },
    Case {
        region: "cn-hangzhou-finance",
        endpoint: "https://oss-cn-hzfinance.aliyuncs.com",
        public_host: None,
        base: "https://app-media.oss-cn-hzfinance.aliyuncs.com/",
    },
    Case {
        region: "cn-shanghai-finance-1",
        endpoint: "https://oss-cn-shanghai-finance-1-pub.aliyuncs.com",
        public_host: None,
        base: "https://app-media.oss-cn-shanghai-finance-1-pub.aliyuncs.com/",
    },
    Case {
        region: "cn-north-2-gov-1",
        endpoint: "https://oss-cn-north-2-gov-1.aliyuncs.com",
        public_host: Some("https://files.example.gov.cn"),
        base: "https://files.example.gov.cn/",
    },
];

impl Case {
    /// Rewrites the bucket's section; what it said of its endpoint is the simulator's address.
    fn apply(&self, settings: &str) -> String {
        let (before, section) = settings.split_once("[buckets.media]").unwrap();
        let (section, after) = section.split_once("credentials = \"signer\"").unwrap();
        let simulator = section.lines().find_map(|line| line.strip_prefix("endpoint = ")).unwrap();
        let public = self.public_host.map(|host| format!("public_host = \"{host}\"\n")).unwrap_or_default();
        format!(
            "{before}[buckets.media]\nbucket = \"app-media\"\nregion = \"{}\"\nendpoint = \"{}\"\n\
             internal_endpoint = {simulator}\n{public}credentials = \"signer\"{after}",
            self.region, self.endpoint
        )
    }
}

#[tokio::test]
async fn clients_get_the_public_host_and_we_call_the_internal_one() {
    for case in &CASES {
        let app = TestApp::spawn_with(|settings| case.apply(&settings)).await;
        let form = app.issue("u-7", json!({"profile": "document", "method": "post"})).await;
        assert_eq!(form["request"]["url"], case.base, "{}", case.endpoint);
        assert_eq!((&form["endpoint"], &form["region"]), (&json!(case.endpoint), &json!(case.region)));
        let scope = format!("/{}/oss/aliyun_v4_request", case.region);
        let fields = fields_of(&form);
        let credential = fields.iter().find(|(name, _)| name == "x-oss-credential").unwrap();
        assert!(credential.1.ends_with(&scope), "{}: {}", case.endpoint, credential.1);

        let put = app.issue("u-7", json!({"profile": "document", "method": "put"})).await;
        let url = put["request"]["url"].as_str().unwrap();
        assert!(url.starts_with(&format!("{}documents/u-7/", case.base)), "{}: {url}", case.endpoint);
        assert!(url.contains(&scope.replace('/', "%2F")), "{}: {url}", case.endpoint);

        // The rest is asked of OSS, which is nowhere but at the internal endpoint.
        if case.region == "cn-hangzhou" {
            let key = put["key"].as_str().unwrap();
            send(app.http.put(format!("{}/-/objects/app-media/{key}", app.simulator)).body("hello")).await;
            let completed = app.post(&format!("{}/complete", path_of(&put)), "u-7", &json!({})).await;
            assert_eq!((completed.status.as_u16(), &completed.json()["state"]), (200, &json!("completed")));

            let film = app.issue("u-7", json!({"profile": "film", "size": 1000})).await;
            let parts = app.post(&format!("{}/parts", path_of(&film)), "u-7", &json!({"part_numbers": [1]})).await;
            let url = parts.json()["parts"][0]["url"].as_str().unwrap().to_owned();
            assert!(url.starts_with(&format!("{}films/u-7/", case.base)), "{}: {url}", case.endpoint);
        }
    }
}
