import FisherOptions

extension OptimizationRule {
    /// Throws the first option whose value is not allowed.
    public func checkOptions() throws(HyperparameterError) {
        do { try validate() } catch { throw HyperparameterError(error, of: Self.summary.name) }
    }

    /// Sets an option by its name or an alias, from text. The rule stays as it was where it throws.
    public mutating func set(_ name: String, to text: String) throws(HyperparameterError) {
        try set([(name, text)])
    }

    /// Sets options by their names or aliases, from text. The rule stays as it was where it throws.
    public mutating func set(_ settings: [(name: String, value: String)]) throws(HyperparameterError) {
        do {
            try setOptions(settings.map { ($0.name, [$0.value]) })
        } catch {
            throw HyperparameterError(error, of: Self.summary.name)
        }
    }

    /// The options and their values, in the order of the table.
    public var settings: [(name: String, value: String)] { options.map { ($0.name, $0.text) } }
}

/// Coding by the options' names: absent ones keep their defaults, unknown ones are errors.
extension OptimizationRule {
    /// Reads a dictionary of options by name. Throws `HyperparameterError` for a name that is none or a value
    /// that is not allowed.
    public init(from decoder: any Decoder) throws {
        self.init()
        let texts = try [String: OptionText](from: decoder).sorted { $0.key < $1.key }
        try set(texts.map { ($0.key, $0.value.text) })
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
