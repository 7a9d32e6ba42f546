/// An option of a value type, declared once: its name in configurations, its aliases, the values that it may take, its
/// meaning and its default.
///
///     /// Decay of the momentum average, in [0, 1).
///     @Configurable("beta1", .decay, "decay of the momentum average") public var beta1: Schedule = 0.9
///
/// The table of options, parsing, validation, coding and description of a type that conforms to
/// ``ConfigurableOptions`` derive from these declarations.
@propertyWrapper
public struct Configurable<Value: OptionValue>: Hashable, Sendable {
    /// The option's value.
    public var wrappedValue: Value
    /// The option's declaration.
    public let declaration: OptionDeclaration
    private let allowed: AllowedValues<Value>

    /// Declares an option.
    ///
    /// - Parameters:
    ///   - wrappedValue: the default.
    ///   - name: the name in configurations, in snake_case; dotted if the option belongs to a section.
    ///   - allowed: the values that it may take.
    ///   - aliases: other accepted names.
    ///   - meaning: its meaning, in a few words.
    public init(
        wrappedValue: Value, _ name: String, _ allowed: AllowedValues<Value>, aliases: [String] = [],
        _ meaning: String
    ) {
        // A value being set replaces the default while its owner is re-created.
        if let given = OptionOverrides.values[name] {
            self.wrappedValue = given as? Value ?? wrappedValue
        } else {
            self.wrappedValue = wrappedValue
        }
        declaration = OptionDeclaration(name: name, aliases: aliases, meaning: meaning, form: Value.form)
        self.allowed = allowed
    }

    /// Declares an option that may take every value of its type.
    public init(wrappedValue: Value, _ name: String, aliases: [String] = [], _ meaning: String) {
        self.init(wrappedValue: wrappedValue, name, .all, aliases: aliases, meaning)
    }

    /// Two options are equal if their values are.
    public static func == (a: Configurable, b: Configurable) -> Bool { a.wrappedValue == b.wrappedValue }

    /// Hashes the value.
    public func hash(into hasher: inout Hasher) { hasher.combine(wrappedValue) }
}

/// An option's name, aliases, meaning and form.
public struct OptionDeclaration: Hashable, Sendable {
    /// The name in configurations.
    public let name: String
    /// Other accepted names.
    public let aliases: [String]
    /// The meaning, in a few words.
    public let meaning: String
    /// How its values look in files.
    public let form: OptionForm

    /// Whether a name is this option's, or one of its aliases, whatever its case and separators.
    func isNamed(_ text: String) -> Bool {
        hasName(text) || aliases.contains { plainName($0) == plainName(text) }
    }

    /// Whether a name is this option's own.
    func hasName(_ text: String) -> Bool { plainName(name) == plainName(text) }
}

/// A name without its separators, in lower case.
func plainName(_ name: String) -> String { name.filter { $0 != "-" && $0 != "_" }.lowercased() }

/// An option with its present value, without the type of that value.
public struct OptionEntry: Sendable {
    /// The option's declaration.
    public let declaration: OptionDeclaration
    /// The value as text: one piece, or one for each element of a list.
    public let pieces: [String]
    /// Why the value is rejected; nil if it is allowed.
    let complaint: String?
    /// What values look like: `a whole number`, `one of constant, cosine`.
    package var values: String { describe() }
    /// Tells it, where it is asked for: words are put together for that.
    let describe: @Sendable () -> String
    /// Which of them are allowed, as the end of a sentence about one; nil if all are, or if no words for them are known.
    package let bounds: String?
    /// Whether it is of a group that configurations leave out as long as all of it is as it is by default.
    public internal(set) var isLeftOut = false
    let value: any OptionValue
    let parse: @Sendable ([String]) -> ParsedOption

    /// The name in configurations.
    public var name: String { declaration.name }
    /// The value as one piece of text.
    public var text: String { pieces.joined(separator: ",") }

    /// What the value stands for where the option's meaning says it: of `steps between evaluations; 0: ten times a run` at 0
    /// "ten times a run". Such a value leaves the choice to the program.
    package var choice: String? {
        for part in declaration.meaning.split(separator: ";") {
            let pair = part.split(separator: ":", maxSplits: 1).map { $0.drop { $0 == " " } }
            if pair.count == 2, pair[0] == text { return String(pair[1]) }
        }
        return nil
    }
}

/// The result of parsing a text as an option's value.
enum ParsedOption {
    case value(any OptionValue)
    case complaint(String)
}

/// Values that replace defaults while options are re-created.
enum OptionOverrides {
    @TaskLocal static var values: [String: any OptionValue] = [:]
}

/// A stored property that is an option, whatever the type of its value.
protocol OptionProperty {
    var entry: OptionEntry { get }
}

extension Configurable: OptionProperty {
    var entry: OptionEntry {
        OptionEntry(
            declaration: declaration, pieces: wrappedValue.optionPieces,
            complaint: allowed.complaint(wrappedValue), describe: { Value.described }, bounds: allowed.bounds,
            value: wrappedValue,
            parse: { pieces in
                if pieces.count != 1 && Value.form != .list { return .complaint("is a list, not one value") }
                guard let value = Value(optionPieces: pieces) else {
                    return .complaint(Value.complaint(about: pieces))
                }
                return allowed.complaint(value).map(ParsedOption.complaint) ?? .value(value)
            })
    }
}
