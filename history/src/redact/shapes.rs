//! Secrets that show by their own shape, whatever stands around them.

use std::ops::Range;

use regex::Regex;

/// Begins of [`SHAPES`], for one fast search; letters of either case only where there are such.
pub const BEGINS: &str = concat!(
    r"AKIA|ASIA|eyJ|gh[pousr]_|github_pat_|glpat-|dapi[0-9a-f]|dkea[0-9a-f]|xox[abeoprs]-|xapp-|hooks\.slack\.com|AIza|ya29\.",
    r"|GOCSPX-|[sr]k_(?:live|test)_|(?-u:\b)sk-|SG\.|npm_|pypi-AgE|hf_|dop_v1_|shpat_|hv[sb]\.|ATATT3|gls?[ac]_|dt0c01\.|NRAK-",
    r"|-----BEGIN|==|(?i-u:bearer|basic|mysql|curl|sshpass|redis-cli|oracle:thin:|;sig=|webhookb2)|://[^\s/@'\x22]*:[^\s/]*@|://[A-Za-z0-9_%.~+-]{20,}@",
);

/// The secret is the group `s`, or all.
const SHAPES: &str = concat!(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*",
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}",
    r"|\b(?:dapi|dkea)[0-9a-f]{24,}(?:-\d)?|\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-[A-Za-z0-9-]{10,}",
    r"|hooks\.slack\.com/(?:services|workflows)/(?P<a>[A-Za-z0-9/]+)|\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{16,}",
    r"|\bGOCSPX-[A-Za-z0-9_-]{16,}|\b[sr]k_(?:live|test)_[A-Za-z0-9]{12,}|\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}",
    r"|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bnpm_[A-Za-z0-9]{30,}|\bpypi-AgE[A-Za-z0-9_-]{20,}|\bhf_[A-Za-z]{30,}",
    r"|\bdop_v1_[0-9a-f]{40,}|\bshpat_[0-9a-f]{30,}|\bhv[sb]\.[A-Za-z0-9_-]{20,}|\bATATT3[A-Za-z0-9_=-]{20,}",
    r"|\bgl(?:sa|c)_[A-Za-z0-9_=]{20,}|\bdt0c01\.[A-Z0-9]{20,}\.[A-Z0-9]{20,}|\bNRAK-[A-Z0-9]{20,}",
    r"|-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?P<b>(?s:.*?))(?:-----END|$)",
    r"|(?:^|[^A-Za-z0-9+/])(?P<c>[A-Za-z0-9+/]{86}==)|webhookb2/(?P<d>[A-Za-z0-9@/-]{20,})",
    r#"|(?i:\bbearer\s+)(?P<e>[A-Za-z0-9+/=._~-]{12,})|(?i:\bbasic\s+)(?P<f>[A-Za-z0-9+/]{8,}={0,2})"#,
    r#"|://(?P<g>[^\s/@'"]*:[^\s/'"]*)@|://(?P<h>[\w%.~+-]{20,})@"#,
    r#"|(?i:oracle:thin:)(?P<i>[^\s/@'":]+/[^\s'"]+?)@|(?i:\bmysql(?:dump|admin)?\b[^\n|;]*?\s-p)(?P<j>[^\s'"]+)"#,
    r#"|(?i:\bcurl\b[^\n|;]*?\s(?:-u|--user)[\s=]+)["']?(?P<k>[^\s'":]*:[^\s'"]+)"#,
    r#"|(?i:\b(?:sshpass\s+-p|redis-cli\b[^\n|;]*?\s-a)\s*)["']?(?P<l>[^\s'"]+)"#,
);

/// Groups of [`SHAPES`].
const GROUPS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

pub struct Shapes(Regex);

impl Shapes {
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Shapes(Regex::new(SHAPES)?))
    }

    /// Adds where there are some.
    pub fn find(&self, text: &str, out: &mut Vec<Range<usize>>) {
        for found in self.0.captures_iter(text) {
            let group = GROUPS.iter().find_map(|g| Some((*g, found.name(g)?)));
            let Some(part) = group.map(|(_, m)| m).or_else(|| found.get(0)) else { continue };
            let harmless = match group.map(|(name, _)| name) {
                Some("e") => !mixed(part.as_str()),
                Some("f") => !(mixed(part.as_str()) || part.as_str().ends_with('=')),
                Some("h") => !mixed(part.as_str()) || part.as_str().contains('.'),
                Some("g") => part.as_str().ends_with(':') || part.as_str().contains("*********"),
                _ => part.is_empty(),
            };
            if !harmless {
                out.push(part.range());
            }
        }
    }
}

/// Letters of both cases or with digits, as keys have them and words have not.
pub fn mixed(text: &str) -> bool {
    let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
    let (digits, upper, lower) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase), count(u8::is_ascii_lowercase));
    digits >= 2 && upper + lower >= 2 || upper >= 3 && lower >= 3 && digits + upper >= 5
}
