import FisherInformation
import Torch

extension OptimizationRule {
    /// Throws the first option whose value is not allowed.
    func validate() throws(HyperparameterError) {
        for option in Self.options {
            if let complaint = option.complaint(self) {
                throw HyperparameterError(
                    rule: Self.summary.name, option: option.name, value: option.text(self),
                    reason: complaint)
            }
        }
    }

    /// Sets an option by its name or an alias, from text. The rule stays as it was where it throws.
    public mutating func set(_ name: String, to text: String) throws(HyperparameterError) {
        let wanted = name.filter { $0 != "-" && $0 != "_" }.lowercased()
        let option = Self.options.first { option in
            ([option.name] + option.aliases).contains { $0.filter { $0 != "_" } == wanted }
        }
        guard let option else {
            let names = Self.options.map(\.name)
            let nearest = nearestName(to: name, among: names + Self.options.flatMap(\.aliases))
            let hint = nearest.map { "; did you mean \($0)?" } ?? ""
            throw HyperparameterError(
                rule: Self.summary.name, option: name, value: text,
                reason: "is not an option of this rule (\(names.joined(separator: ", ")))\(hint)")
        }
        var changed = self
        if let complaint = option.parse(&changed, text) {
            throw HyperparameterError(
                rule: Self.summary.name, option: option.name, value: text, reason: complaint)
        }
        try changed.validate()
        self = changed
    }

    /// The options and their values, in the order of the table.
    public var settings: [(name: String, value: String)] {
        Self.options.map { ($0.name, $0.text(self)) }
    }
}

/// Coding by the option table: absent options keep their defaults, unknown ones are errors.
extension OptimizationRule {
    /// Reads a dictionary of options by name. Throws `HyperparameterError` for a name that is none or a value
    /// that is not allowed.
    public init(from decoder: any Decoder) throws {
        self.init()
        for (name, value) in try [String: OptionText](from: decoder).sorted(by: { $0.key < $1.key }) {
            try set(name, to: value.text)
        }
    }

    /// Writes all options, defaults included, as a dictionary by name.
    public func encode(to encoder: any Encoder) throws {
        try Dictionary(uniqueKeysWithValues: settings.map { ($0.name, OptionText(text: $0.value)) })
            .encode(to: encoder)
    }
}

/// An option's value in a configuration: a number, a truth value, a word or null.
private struct OptionText: Codable {
    let text: String

    init(text: String) { self.text = text }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            text = "none"
        } else if let flag = try? container.decode(Bool.self) {
            text = "\(flag)"
        } else if let number = try? container.decode(Double.self) {
            text = "\(number)"
        } else {
            text = try container.decode(String.self)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let number = Double(text) {
            try container.encode(number)
        } else if let flag = Bool(text) {
            try container.encode(flag)
        } else {
            try container.encode(text)
        }
    }
}
