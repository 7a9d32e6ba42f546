import Torch

/// Something that the description of a network names with its options: a layer, a likelihood.
public protocol NamedOptions: Hashable, Sendable {
    /// The name in JSON.
    static var kind: String { get }

    /// The options in the order in which they are read; none for what is its name alone.
    static var options: [LayerOption<Self>] { get }

    /// The keys whose values may be given without them, as a list if there are several; none by default.
    static var shortForm: [String] { get }

    /// Creates a description whose options have their defaults; required ones have an invalid value.
    init()

    /// Throws if options that are each valid cannot be combined; by default it does nothing.
    func check() throws(LayerDescriptionError)
}

extension NamedOptions {
    public static var options: [LayerOption<Self>] { [] }
    public static var shortForm: [String] { [] }
    public func check() throws(LayerDescriptionError) {}
}

/// An error in the description of a layer or of a likelihood.
public struct LayerDescriptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, as the rest of a sentence that begins with its name.
    public let reason: String

    /// Creates an error from the rest of a sentence that begins with its name.
    public init(_ reason: String) { self.reason = reason }

    /// The reason.
    public var description: String { reason }
}

extension NamedOptions {
    /// Reads what follows a name: nothing if no option is required, otherwise an object or the short form.
    package init(given options: JSONValue?) throws(LayerDescriptionError) {
        switch (Self.options.isEmpty, options) {
        case (true, _?): throw LayerDescriptionError("has no options: write \"\(Self.kind)\"")
        case (false, let options?): try self.init(options)
        case (_, nil):
            guard !Self.options.contains(where: \.isRequired) else {
                throw LayerDescriptionError("needs options: {\"\(Self.kind)\": ...}")
            }
            self.init()
        }
    }

    /// Reads the options from an object, or from the values of the short form.
    package init(_ value: JSONValue) throws(LayerDescriptionError) {
        self.init()
        let (keys, short) = (Self.options.map(\.key), Self.shortForm)
        let given: [String: JSONValue]
        switch value {
        case .object(let object):
            if let unknown = object.keys.sorted().first(where: { !keys.contains($0) }) {
                let hint =
                    nearestName(to: unknown, among: keys).map { "did you mean \($0)?" }
                    ?? "there are \(keys.joined(separator: ", "))"
                throw LayerDescriptionError("has no option \(shortened(unknown)); \(hint)")
            }
            given = object
        case .list(let list) where short.count > 1 && list.count == short.count:
            given = Dictionary(uniqueKeysWithValues: zip(short, list))
        case let other where short.count == 1:
            given = [short[0]: other]
        default:
            let brief = short.isEmpty ? "" : "[" + short.joined(separator: ", ") + "] or "
            throw LayerDescriptionError(
                "needs \(brief)an object of \(keys.joined(separator: ", ")), not \(value.quoted)")
        }
        for option in Self.options {
            if let value = given[option.key] {
                try option.read(value, &self)
            } else if option.isRequired {
                throw LayerDescriptionError("lacks \(option.key)")
            }
        }
    }

    /// The description as `init(_:)` reads it, without options at their defaults.
    package var value: JSONValue {
        let standard = Self()
        let written = Self.options.filter { $0.isRequired || $0.write(self) != $0.write(standard) }
        if written.isEmpty { return .text(Self.kind) }
        let values = written.map { $0.write(self) }
        if values.count > 1, written.map(\.key) == Self.shortForm {
            return .object([Self.kind: .list(values)])
        }
        return .object([
            Self.kind: .object(Dictionary(uniqueKeysWithValues: zip(written.map(\.key), values)))
        ])
    }

    /// Throws for the first invalid option, or for options that cannot be combined.
    package func checkEverything() throws(LayerDescriptionError) {
        for option in Self.options { try option.check(self) }
        try check()
    }
}
