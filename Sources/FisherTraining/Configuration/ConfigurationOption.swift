/// One option of a configuration: its key, what it means, and a way to its value.
///
/// Like a rule's options, a configuration's drive parsing, validation, printing and files from one table.
public struct ConfigurationOption<Root>: Sendable {
    /// The key, such as `training.steps`.
    public let key: String
    /// What it means, in a few words.
    public let summary: String
    /// The value as text: one piece, or those of a list.
    public let text: @Sendable (Root) -> [String]
    /// Whether the value is a list.
    public var isList: Bool { form == .list }
    /// How the value looks in TOML.
    let form: ConfigurationForm
    /// Sets the value from text; the reason where the text is not one.
    let parse: @Sendable (inout Root, [String]) -> String?

    private init(
        _ key: String, _ summary: String, _ form: ConfigurationForm,
        text: @escaping @Sendable (Root) -> String,
        parse: @escaping @Sendable (inout Root, String) -> String?
    ) {
        self.key = key
        self.summary = summary
        self.form = form
        self.text = { [text($0)] }
        self.parse = { root, pieces in
            guard pieces.count == 1, let piece = pieces.first else { return "is a list, not one value" }
            return parse(&root, piece)
        }
    }

    private init(
        key: String, summary: String, form: ConfigurationForm, text: @escaping @Sendable (Root) -> [String],
        parse: @escaping @Sendable (inout Root, [String]) -> String?
    ) {
        self.key = key
        self.summary = summary
        self.form = form
        self.text = text
        self.parse = parse
    }

    /// A whole number in a range.
    public static func integer(
        _ key: String, _ path: WritableKeyPath<Root, Int> & Sendable, in range: ClosedRange<Int>,
        _ summary: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            key, summary, .bare, text: { "\($0[keyPath: path])" },
            parse: { root, text in
                guard let value = Int(text.filter { $0 != "_" }) else { return "is not a whole number" }
                guard range.contains(value) else {
                    return range.upperBound == .max
                        ? "must be at least \(range.lowerBound)"
                        : "must lie between \(range.lowerBound) and \(range.upperBound)"
                }
                root[keyPath: path] = value
                return nil
            })
    }

    /// A number.
    public static func number(
        _ key: String, _ path: WritableKeyPath<Root, Double> & Sendable, in range: Range<Double>,
        _ summary: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            key, summary, .bare, text: { "\($0[keyPath: path])" },
            parse: { root, text in
                guard let value = Double(text) else { return "is not a number" }
                guard range.contains(value) else {
                    return "must lie in [\(range.lowerBound), \(range.upperBound))"
                }
                root[keyPath: path] = value
                return nil
            })
    }

    /// Yes or no.
    public static func flag(
        _ key: String, _ path: WritableKeyPath<Root, Bool> & Sendable, _ summary: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            key, summary, .bare, text: { "\($0[keyPath: path])" },
            parse: { root, text in
                guard let value = Bool(text) else { return "is neither true nor false" }
                root[keyPath: path] = value
                return nil
            })
    }

    /// One of several words.
    public static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ key: String, _ path: WritableKeyPath<Root, Choice> & Sendable, _ summary: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            key, summary, .quoted, text: { $0[keyPath: path].rawValue },
            parse: { root, text in
                guard let value = Choice(rawValue: text) else {
                    return "is not one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ")
                }
                root[keyPath: path] = value
                return nil
            })
    }

    /// Any text.
    public static func text(
        _ key: String, _ path: WritableKeyPath<Root, String> & Sendable, _ summary: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            key, summary, .quoted, text: { $0[keyPath: path] },
            parse: { root, text in
                root[keyPath: path] = text
                return nil
            })
    }

    /// A list of texts.
    public static func list(
        _ key: String, _ path: WritableKeyPath<Root, [String]> & Sendable, _ summary: String
    ) -> ConfigurationOption {
        ConfigurationOption(
            key: key, summary: summary, form: .list, text: { $0[keyPath: path] },
            parse: { root, pieces in
                root[keyPath: path] = pieces
                return nil
            })
    }

    /// The same option in a configuration that holds this one.
    public func lifted<Whole>(
        _ path: WritableKeyPath<Whole, Root> & Sendable
    ) -> ConfigurationOption<Whole> {
        ConfigurationOption<Whole>(
            key: key, summary: summary, form: form, text: { text($0[keyPath: path]) },
            parse: { parse(&$0[keyPath: path], $1) })
    }
}

/// How a value looks in TOML.
enum ConfigurationForm: Sendable {
    case bare, quoted, list
}
