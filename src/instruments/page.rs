//! What a scrape gets: every metric of the catalogue by name, be there anything to tell or not.

use std::{collections::BTreeMap, fmt::Write as _};

use metrics_exporter_prometheus::PrometheusHandle;

use super::{
    RECORDED,
    catalogue::{ALL, Kind},
    new_recorder, process,
};

/// Prometheus' text format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page: what has happened since the start; what `ask` finds now, which sets gauges with the macro of `metrics`; and how the
/// process stands.
pub fn page(ask: impl FnOnce()) -> String {
    let asked = new_recorder();
    metrics::with_local_recorder(&asked, ask);
    let happened = RECORDED.get().map(PrometheusHandle::render).unwrap_or_default();
    let of_process = process::readings();
    assemble(&[happened, asked.handle().render()], &of_process)
}

/// Always in the same order, so that two pages can be compared by eye.
fn assemble(pages: &[String], readings: &[(&'static str, f64)]) -> String {
    let mut samples: BTreeMap<&str, Vec<String>> = ALL.iter().map(|known| (known.name, Vec::new())).collect();
    let mut strangers = Vec::new();
    for family in pages.iter().flat_map(|page| page.trim().split("\n\n")) {
        let (comments, lines): (Vec<_>, Vec<_>) = family.lines().partition(|line| line.starts_with('#'));
        let named = comments.iter().find_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        match named.and_then(|name| samples.get_mut(name)) {
            Some(known) => known.extend(lines.into_iter().map(str::to_owned)),
            // Whoever counts something that is not in the catalogue is to be found out, not hushed up.
            None => strangers.push(family),
        }
    }
    for (name, value) in readings {
        samples.entry(name).or_default().push(format!("{name} {value}"));
    }
    let mut page = String::new();
    for instrument in ALL {
        let mut lines = samples.remove(instrument.name).unwrap_or_default();
        // A histogram's are in the order of its buckets.
        if !matches!(instrument.kind, Kind::Histogram(_)) {
            lines.sort();
        }
        let (name, kind, help) = (instrument.name, instrument.kind.as_str(), instrument.help);
        let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for line in lines {
            page.push_str(&line);
            page.push('\n');
        }
    }
    for family in strangers.into_iter().filter(|family| !family.is_empty()) {
        page.push_str(family);
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENDERED: &str = "# TYPE oss_valet_callbacks_total counter\noss_valet_callbacks_total{outcome=\"b\"} 2\n\
                            oss_valet_callbacks_total{outcome=\"a\"} 1\n\n# TYPE nobodys gauge\nnobodys 1\n\n";

    #[test]
    fn what_has_nothing_to_tell_is_named_and_samples_stand_behind_their_name_in_order() {
        let page = assemble(&[RENDERED.to_owned(), String::new()], &[("process_threads", 5.0)]);
        let behind = |name: &str| -> Vec<&str> {
            let lines = page.lines().skip_while(|line| *line != name).skip(1);
            lines.take_while(|line| !line.starts_with('#')).collect()
        };
        assert_eq!(
            behind("# TYPE oss_valet_callbacks_total counter"),
            ["oss_valet_callbacks_total{outcome=\"a\"} 1", "oss_valet_callbacks_total{outcome=\"b\"} 2"]
        );
        assert_eq!(behind("# TYPE process_threads gauge"), ["process_threads 5"]);
        assert_eq!(behind("# TYPE oss_valet_store_up gauge"), Vec::<&str>::new());
        assert_eq!(page.matches("# HELP ").count(), ALL.len());
        assert!(page.ends_with("# TYPE nobodys gauge\nnobodys 1\n"), "what is not in the catalogue comes last");
    }
}
