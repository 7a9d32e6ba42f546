import Torch

/// How an option's values look in a file.
public enum OptionForm: Sendable {
    /// A number or a Boolean.
    case bare
    /// A text.
    case quoted
    /// A list of texts.
    case list
}

/// A type whose values an option can take, each of which has a form as text.
public protocol OptionValue: Hashable, Sendable {
    /// Parses a value from its pieces of text, one except for lists; nil if they are invalid.
    init?(optionPieces: [String])
    /// The value as text.
    var optionPieces: [String] { get }
    /// What is wrong with a text that cannot be parsed, as the end of a sentence.
    static var expectation: String { get }
    /// How values look in files.
    static var form: OptionForm { get }
    /// All values as text, for types that have few; empty by default.
    static var choices: [String] { get }
    /// What is wrong with pieces of text that are no value, as the end of a sentence; by default the expectation, with the
    /// nearest of the choices.
    static func complaint(about pieces: [String]) -> String
}

extension OptionValue {
    public static var choices: [String] { [] }

    public static func complaint(about pieces: [String]) -> String {
        let hint = nearestName(to: pieces.joined(separator: ","), among: choices)
        return expectation + (hint.map { "; did you mean \($0)?" } ?? "")
    }

    /// What values look like, from what is said of a text that is none: `is not a whole number` tells of whole numbers.
    package static var described: String {
        for (start, joint) in [("is neither ", " nor "), ("is not ", ", nor ")]
        where expectation.hasPrefix(start) {
            return String(expectation.dropFirst(start.count)).replacing(", nor ", with: " or ")
                .replacing(joint, with: " or ")
        }
        return expectation
    }
}

/// A value that is a number or consists of numbers, so that its range can be checked.
public protocol NumericOptionValue: OptionValue {
    /// The smallest and the largest of the numbers, or all of them; empty if there is no number.
    var extremes: [Double] { get }
}

extension Double: NumericOptionValue {
    public init?(optionPieces: [String]) { self.init(optionPieces[0]) }
    public var optionPieces: [String] { ["\(self)"] }
    public static var expectation: String { "is not a number" }
    public static var form: OptionForm { .bare }
    public var extremes: [Double] { [self] }
}

extension Int: NumericOptionValue {
    /// Parses a whole number; `2.0`, as other programs write it, is accepted.
    public init?(optionPieces: [String]) {
        let text = optionPieces[0].filter { $0 != "_" }
        guard let value = Int(text) ?? Double(text).flatMap({ Int(exactly: $0) }) else { return nil }
        self = value
    }
    public var optionPieces: [String] { ["\(self)"] }
    public static var expectation: String { "is not a whole number" }
    public static var form: OptionForm { .bare }
    public var extremes: [Double] { [Double(self)] }
}

extension UInt64: NumericOptionValue {
    /// Parses a whole number of zero or more; `2.0`, as other programs write it, is accepted.
    public init?(optionPieces: [String]) {
        let text = optionPieces[0].filter { $0 != "_" }
        guard let value = UInt64(text) ?? Double(text).flatMap({ UInt64(exactly: $0) }) else { return nil }
        self = value
    }
    public var optionPieces: [String] { ["\(self)"] }
    public static var expectation: String { "is not a whole number of zero or more" }
    public static var form: OptionForm { .bare }
    public var extremes: [Double] { [Double(self)] }
}

extension Bool: OptionValue {
    public init?(optionPieces: [String]) { self.init(optionPieces[0].lowercased()) }
    public var optionPieces: [String] { ["\(self)"] }
    public static var expectation: String { "is neither true nor false" }
    public static var form: OptionForm { .bare }
}

extension String: OptionValue {
    public init?(optionPieces: [String]) { self = optionPieces[0] }
    public var optionPieces: [String] { [self] }
    public static var expectation: String { "is not a text" }
    public static var form: OptionForm { .quoted }
}

extension [String]: OptionValue {
    public init?(optionPieces: [String]) { self = optionPieces }
    public var optionPieces: [String] { self }
    public static var expectation: String { "is not a list of texts" }
    public static var form: OptionForm { .list }
}

/// One of several words: an enumeration of texts becomes an option's value by conforming, without further code.
extension OptionValue where Self: RawRepresentable<String> & CaseIterable {
    public init?(optionPieces: [String]) { self.init(rawValue: optionPieces[0]) }
    public var optionPieces: [String] { [rawValue] }
    public static var expectation: String { "is not one of " + choices.joined(separator: ", ") }
    public static var choices: [String] { allCases.map(\.rawValue) }
    public static var form: OptionForm { .quoted }
}

/// A type whose values are written as they are described becomes an option's value by an `expectation` and a `form`.
extension OptionValue where Self: LosslessStringConvertible {
    public init?(optionPieces: [String]) { self.init(optionPieces[0]) }
    public var optionPieces: [String] { [description] }
}

/// A value, or `none`.
extension Optional: OptionValue where Wrapped: OptionValue {
    public init?(optionPieces: [String]) {
        if optionPieces == ["none"] || optionPieces == ["null"] {
            self = .none
        } else if let value = Wrapped(optionPieces: optionPieces) {
            self = .some(value)
        } else {
            return nil
        }
    }
    public var optionPieces: [String] { self?.optionPieces ?? ["none"] }
    public static var expectation: String { Wrapped.expectation + ", nor none" }
    public static var choices: [String] { Wrapped.choices.isEmpty ? [] : Wrapped.choices + ["none"] }
    public static var form: OptionForm { Wrapped.form }
}

extension Optional: NumericOptionValue where Wrapped: NumericOptionValue {
    public var extremes: [Double] { self?.extremes ?? [] }
}
