//! W3C trace context: which trace a request, and so an event, is part of.

/// The longest `tracestate` that is handed on; more is no promise of anybody's.
const MAX_STATE_LEN: usize = 512;
/// The most entries that one may have.
const MAX_STATE_MEMBERS: usize = 32;
/// `00-` 32 digits `-` 16 digits `-` 2 digits.
const PARENT_LEN: usize = 55;

/// A place in a trace, in the words of the two headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    traceparent: String,
    tracestate: Option<String>,
}

impl TraceContext {
    /// What the headers say. A `traceparent` that is none is no context; a `tracestate` that is none is left out.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let traceparent = parse_parent(traceparent)?;
        let tracestate = tracestate.map(str::trim).filter(|state| is_state(state)).map(str::to_owned);
        Some(Self { traceparent, tracestate })
    }

    /// For who comes next, under this span.
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool, tracestate: &str) -> Option<Self> {
        let parent = format!("00-{}-{}-{:02x}", hex::encode(trace_id), hex::encode(span_id), u8::from(sampled));
        Self::parse(&parent, Some(tracestate))
    }

    /// The header `traceparent`.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The header `tracestate`.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.traceparent[3..35]
    }

    /// 16 hexadecimal digits: whose children we are.
    pub fn span_id(&self) -> &str {
        &self.traceparent[36..52]
    }

    /// Whether whoever asked records this trace.
    pub fn is_sampled(&self) -> bool {
        self.traceparent.ends_with('1')
    }
}

/// In the form of version 00, whatever version it came in: of later ones we know no more than that.
fn parse_parent(text: &str) -> Option<String> {
    let text = text.trim();
    let (known, rest) = text.split_at_checked(PARENT_LEN)?;
    let mut parts = known.split('-');
    let [version, trace_id, span_id, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let is_hex = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b"0123456789abcdef".contains(&b));
    let is_id = |part: &str, len: usize| is_hex(part, len) && part.bytes().any(|b| b != b'0');
    let fits = parts.next().is_none()
        && is_hex(version, 2)
        && version != "ff"
        && is_id(trace_id, 32)
        && is_id(span_id, 16)
        && is_hex(flags, 2)
        && if version == "00" { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    fits.then(|| format!("00-{trace_id}-{span_id}-{sampled:02x}"))
}

fn is_state(text: &str) -> bool {
    let is_member = |member: &str| {
        let Some((key, value)) = member.split_once('=') else { return false };
        let is_key = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b);
        let is_value = |b: u8| (b' '..=b'~').contains(&b) && !b",=".contains(&b);
        !key.is_empty() && key.bytes().all(is_key) && !value.is_empty() && value.bytes().all(is_value)
    };
    let members: Vec<_> = text.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
    text.len() <= MAX_STATE_LEN
        && (1..=MAX_STATE_MEMBERS).contains(&members.len())
        && members.into_iter().all(is_member)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_parent_is_read_and_written_as_it_is() {
        let context = TraceContext::parse(PARENT, Some("rojo=00f067aa0ba902b7,congo=t61r")).unwrap();
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(context.tracestate(), Some("rojo=00f067aa0ba902b7,congo=t61r"));
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        assert!(context.is_sampled());
        assert_eq!(TraceContext::new([1; 16], [2; 8], false, "").unwrap().traceparent().len(), PARENT_LEN);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09-what-the-future-will-be-like";
        assert_eq!(TraceContext::parse(later, None).unwrap().traceparent(), PARENT);
    }

    #[test]
    fn what_is_no_parent_is_no_context() {
        for (why, parent) in [
            ("empty", ""),
            ("cut off", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"),
            ("more than version 00 has", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"),
            ("a version that is none", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("capital letters", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            ("no trace", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
            ("no span", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
            ("hyphens elsewhere", "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01"),
            ("no digits", "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"),
            ("not even ASCII", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é1"),
        ] {
            assert_eq!(TraceContext::parse(parent, Some("a=b")), None, "{why}");
        }
    }

    #[test]
    fn a_state_that_is_none_is_left_out() {
        for state in ["", "a", "a=", "=b", "a=b=c", "a=b\nc=d", "A=b", "a=\u{e9}", &"a=b,".repeat(33), &"a".repeat(513)]
        {
            assert_eq!(TraceContext::parse(PARENT, Some(state)).unwrap().tracestate(), None, "{state}");
        }
    }
}
