import FisherInformation

/// One option of a rule: its name in configurations, what it means, and a way to its value.
///
/// A rule's table of options drives validation, parsing, coding and the printed table of rules, so that an
/// option is declared in one place.
public struct RuleOption<Rule>: Sendable {
    /// The name in configurations, in snake_case.
    public let name: String
    /// Other names that are understood.
    public let aliases: [String]
    /// What it means, in a few words.
    public let summary: String
    /// The value as text.
    public let text: @Sendable (Rule) -> String
    /// Sets the value from text; the reason where the text is not one.
    let parse: @Sendable (inout Rule, String) -> String?
    /// The reason why the current value is not allowed; nothing where it is.
    let complaint: @Sendable (Rule) -> String?

    /// The values that a number may take.
    public enum Domain: Sendable {
        /// x >= 0.
        case nonNegative
        /// x > 0.
        case positive
        /// 0 <= x < 1.
        case decay
        /// 0 < x <= 1.
        case exponent
        /// 0 <= x <= 1.
        case fraction

        func complaint(_ value: Double) -> String? {
            switch self {
            case .nonNegative: value.isFinite && value >= 0 ? nil : "must be zero or more"
            case .positive: value.isFinite && value > 0 ? nil : "must be more than zero"
            case .decay: (0..<1).contains(value) ? nil : "must lie in [0, 1)"
            case .exponent: value > 0 && value <= 1 ? nil : "must lie in (0, 1]"
            case .fraction: (0...1).contains(value) ? nil : "must lie in [0, 1]"
            }
        }
    }

    /// The option, which is not allowed either where a condition on the whole rule holds.
    func forbidding(_ reason: String, _ isForbidden: @escaping @Sendable (Rule) -> Bool) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary, text: text, parse: parse,
            complaint: { complaint($0) ?? (isForbidden($0) ? reason : nil) })
    }

    /// A number, or a schedule of them.
    public static func schedule(
        _ name: String, _ path: WritableKeyPath<Rule, Schedule> & Sendable, _ domain: Domain,
        aliases: [String] = [], _ summary: String
    ) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary,
            text: { "\($0[keyPath: path])" },
            parse: { rule, text in
                guard let value = Schedule(text) else { return "is neither a number nor a schedule" }
                rule[keyPath: path] = value
                return nil
            },
            complaint: { rule in rule[keyPath: path].extremes.lazy.compactMap(domain.complaint).first })
    }

    /// A constant.
    public static func number(
        _ name: String, _ path: WritableKeyPath<Rule, Double> & Sendable, _ domain: Domain,
        aliases: [String] = [], _ summary: String
    ) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary,
            text: { "\($0[keyPath: path])" },
            parse: { rule, text in
                guard let value = Double(text) else { return "is not a number" }
                rule[keyPath: path] = value
                return nil
            },
            complaint: { rule in domain.complaint(rule[keyPath: path]) })
    }

    /// A whole number of one or more.
    public static func count(
        _ name: String, _ path: WritableKeyPath<Rule, Double> & Sendable, aliases: [String] = [],
        _ summary: String
    ) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary,
            text: { rule in Int(exactly: rule[keyPath: path]).map { "\($0)" } ?? "\(rule[keyPath: path])" },
            parse: { rule, text in
                guard let value = Double(text) else { return "is not a number" }
                rule[keyPath: path] = value
                return nil
            },
            complaint: { rule in
                let value = rule[keyPath: path]
                return value >= 1 && value == value.rounded() && value.isFinite
                    ? nil : "must be a whole number of one or more"
            })
    }

    /// A number, or `none`.
    public static func optional(
        _ name: String, _ path: WritableKeyPath<Rule, Double?> & Sendable, _ domain: Domain,
        aliases: [String] = [], _ summary: String
    ) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary,
            text: { $0[keyPath: path].map { "\($0)" } ?? "none" },
            parse: { rule, text in
                if text == "none" || text == "null" {
                    rule[keyPath: path] = nil
                } else if let value = Double(text) {
                    rule[keyPath: path] = value
                } else {
                    return "is neither a number nor none"
                }
                return nil
            },
            complaint: { rule in rule[keyPath: path].flatMap(domain.complaint) })
    }

    /// Yes or no.
    public static func flag(
        _ name: String, _ path: WritableKeyPath<Rule, Bool> & Sendable, aliases: [String] = [],
        _ summary: String
    ) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary,
            text: { "\($0[keyPath: path])" },
            parse: { rule, text in
                guard let value = Bool(text.lowercased()) else { return "is neither true nor false" }
                rule[keyPath: path] = value
                return nil
            },
            complaint: { _ in nil })
    }

    /// One of several words.
    public static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ path: WritableKeyPath<Rule, Choice> & Sendable, aliases: [String] = [],
        _ summary: String
    ) -> RuleOption {
        RuleOption(
            name: name, aliases: aliases, summary: summary,
            text: { $0[keyPath: path].rawValue },
            parse: { rule, text in
                guard let value = Choice(rawValue: text) else {
                    return "is not one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
                }
                rule[keyPath: path] = value
                return nil
            },
            complaint: { _ in nil })
    }
}
