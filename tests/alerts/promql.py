"""Which metrics and labels a PromQL expression names. As much of the grammar as that takes; what it does not know, it refuses."""

import re
from dataclasses import dataclass, field

AGGREGATIONS = set("""sum min max avg group stddev stdvar count count_values bottomk topk quantile""".split())
FUNCTIONS = AGGREGATIONS | set("""
    abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max clamp_min cos cosh
    count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv exp floor histogram_count histogram_fraction
    histogram_quantile histogram_sum holt_winters hour idelta increase irate label_join label_replace last_over_time ln log10 log2
    max_over_time min_over_time minute month pi predict_linear present_over_time quantile_over_time rad rate resets round scalar sgn
    sin sinh sort sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time tan tanh time timestamp vector year""".split())
GROUPINGS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
KEYWORDS = {"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"}

TOKENS = re.compile(r"""
    (?P<blank> \s+ )
  | (?P<text> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
  | (?P<range> \[ [^\]]* \] )
  | (?P<number> (?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)(?:ms|[smhdwy])? )
  | (?P<name> [a-zA-Z_:][a-zA-Z0-9_:]* )
  | (?P<sign> =~ | !~ | != | == | >= | <= | [-+*/%^=<>(){},@] )
""", re.VERBOSE)


class NotUnderstood(Exception):
    """The expression has something that this reader does not know."""


@dataclass
class Named:
    """What an expression names."""

    # (metric, the labels that its selector asks for)
    selectors: list = field(default_factory=list)
    # The labels that results are grouped or matched by.
    groupings: set = field(default_factory=set)


def tokens(expression):
    at, found = 0, []
    while at < len(expression):
        match = TOKENS.match(expression, at)
        if not match:
            raise NotUnderstood(f"at {expression[at:at + 20]!r} of {expression!r}")
        at = match.end()
        if match.lastgroup != "blank":
            found.append((match.lastgroup, match.group()))
    return found + [("end", "")]


def read(expression):
    named, rest = Named(), tokens(expression)
    at = 0
    while rest[at][0] != "end":
        kind, text = rest[at]
        following = rest[at + 1][1]
        at += 1
        if kind == "name" and text in GROUPINGS:
            if following == "(":
                at = read_list(rest, at + 1, named.groupings)
        elif kind == "name" and text in FUNCTIONS and following in {"(", "by", "without"}:
            pass
        elif kind == "name" and text.lower() in KEYWORDS:
            pass
        elif kind == "name":
            if following == "(":
                raise NotUnderstood(f"the function {text!r}")
            labels = set()
            if following == "{":
                at = read_matchers(rest, at + 1, labels)
            named.selectors.append((text, labels))
        elif text == "{":
            raise NotUnderstood(f"a selector without a metric's name in {expression!r}")
    return named


def read_list(rest, at, into):
    while rest[at][1] != ")":
        kind, text = rest[at]
        if kind == "name":
            into.add(text)
        elif text != ",":
            raise NotUnderstood(f"{text!r} in a list of labels")
        at += 1
    return at + 1


def read_matchers(rest, at, into):
    while rest[at][1] != "}":
        (kind, label), (_, operator), (value, _) = rest[at:at + 3]
        if kind != "name" or operator not in {"=", "!=", "=~", "!~"} or value != "text":
            raise NotUnderstood(f"{label}{operator} among a selector's labels")
        into.add(label)
        at += 4 if rest[at + 3][1] == "," else 3
    return at + 1
