//! Whose credentials requests to S3 are signed with: environment, profiles, a profile of one source.

use std::fs;
use std::path::Path;

use crate::logs;
use crate::moto::Bucket;
use crate::proxy::Proxy;
use crate::s3::{PREFIX, s3};
use crate::server::{afterglow, stderr, stdout};

/// Profiles as the AWS command line writes them: one asks a program, one takes on a role, one leads nowhere.
fn profiles(folder: &Path, proxy: &Proxy) -> String {
    let config = folder.join("config");
    let process = r#"echo '{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"s","SessionToken":"t"}'"#;
    let program = folder.join("credentials.sh");
    fs::write(&program, process).unwrap();
    let text = format!(
        "[profile team]\nregion = eu-west-1\nendpoint_url = {url}\ncredential_process = sh {program}\n\
         [profile boss]\nregion = eu-central-1\nendpoint_url = {url}\nsource_profile = base\n\
         role_arn = arn:aws:iam::123456789012:role/afterglow\n\
         [profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n\
         [profile broken]\nsource_profile = nobody\nrole_arn = arn:aws:iam::123456789012:role/afterglow\n",
        url = proxy.url(),
        program = program.display(),
    );
    fs::write(&config, text).unwrap();
    config.display().to_string()
}

/// What `check` says of sources, and the access keys and regions it asked with.
fn check(config: &str, file: &Path, env: &[(&str, &str)], proxy: &Proxy) -> (String, Vec<(String, String)>) {
    let before = proxy.seen().len();
    let mut command = afterglow(&["check", "--config", &file.display().to_string()]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"] {
        command.env_remove(name);
    }
    command.env("AWS_CONFIG_FILE", config).env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let output = command.env("AWS_EC2_METADATA_DISABLED", "true").envs(env.iter().copied()).output().unwrap();
    let mut signed: Vec<_> = proxy.seen().into_iter().skip(before).filter_map(|r| r.signed).collect();
    signed.dedup();
    (stdout(&output) + &stderr(&output), signed)
}

#[test]
fn the_environment_profiles_and_a_sources_own_profile_sign() {
    let Some(proxy) = s3() else { return };
    let dir = logs::folder();
    let mut bucket = Bucket::create("credentials").unwrap();
    bucket.put(&format!("{PREFIX}/local-1"), b"{}");
    let config = profiles(dir.path(), &proxy);
    let file = dir.path().join("afterglow.toml");
    let store = format!("[store]\nurl = \"{}\"\n", dir.path().join("store").display());
    let source = |options: &str| format!("[[source]]\nurl = \"s3://credentials/{PREFIX}\"\n{options}\n");
    let key = |id: &str, region: &str| (id.to_owned(), region.to_owned());

    fs::write(&file, store.clone() + &source("")).unwrap();
    let (said, signed) = check(&config, &file, &[("AWS_PROFILE", "team")], &proxy);
    assert!(said.contains(": ok (first object: spark/events/local-1)"), "{said}");
    assert_eq!(signed, [key("AKIDPROCESS", "eu-west-1")]);
    assert!(!dir.path().join("store").exists(), "check made the store");

    // The role is asked for with the key of its source profile; requests carry the role's key.
    let (said, signed) = check(&config, &file, &[("AWS_PROFILE", "boss")], &proxy);
    assert!(said.contains(": ok (first object"), "{said}");
    assert_eq!((signed.len(), &signed[0]), (2, &key("AKIDBASE", "eu-central-1")), "{signed:?}");
    assert!(signed[1].0.starts_with("ASIA"), "{signed:?}");

    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_PROFILE", "team")];
    let (_, signed) = check(&config, &file, &keys, &proxy);
    assert_eq!(signed, [key("AKIDENV", "eu-west-1")], "keys of the environment stand before a profile's");

    fs::write(&file, store.clone() + &source("options = { aws_profile = \"team\" }")).unwrap();
    let (_, signed) = check(&config, &file, &keys[..2], &proxy);
    assert_eq!(signed, [key("AKIDPROCESS", "eu-west-1")], "a source's own profile stands before the environment");

    fs::write(&file, store.clone() + &source("options = { aws_profile = \"broken\" }")).unwrap();
    let (said, signed) = check(&config, &file, &[], &proxy);
    assert!(
        said.contains("the AWS profile gives no credentials: check AWS_PROFILE (or the source's aws_profile)"),
        "{said}"
    );
    assert_eq!(signed, []);

    fs::write(&file, store + &source("")).unwrap();
    let (said, signed) = check(&config, &file, &[], &proxy);
    assert!(said.contains("no credentials found: set AWS_PROFILE"), "{said}");
    assert_eq!(signed, []);
}
