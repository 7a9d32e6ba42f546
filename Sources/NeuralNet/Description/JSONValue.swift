import Torch

/// Any JSON value, so that errors in the description of a network can quote the value given.
package enum JSONValue: Hashable, Sendable, Codable {
    case null
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .real(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .real(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// Reads a text strictly: JSON as RFC 8259 defines it, no key twice, at most 127 levels.
    init(parsing bytes: [UInt8]) throws(StrictJSON.Fault) {
        var json = StrictJSON(bytes)
        try self.init(&json)
        try json.finish()
    }

    private init(_ json: inout StrictJSON) throws(StrictJSON.Fault) {
        switch json.nextKind() {
        case .object:
            var (members, keys) = ([String: JSONValue](), Set<String>())
            try json.enterObject()
            while let key = try json.nextKey() {
                try json.note(key, among: &keys)
                members[key] = try JSONValue(&json)
            }
            self = .object(members)
        case .array:
            var elements: [JSONValue] = []
            try json.enterArray()
            while try json.nextElement() { elements.append(try JSONValue(&json)) }
            self = .list(elements)
        case .text: self = .text(try json.string())
        case .word: self = try json.word().map { .boolean($0) } ?? .null
        case .number:
            let digits = try json.number()
            guard let value = Double(digits) else { throw json.fault("a number cannot be read") }
            self = (Int(digits) ?? Int(exactly: value)).map { .integer($0) } ?? .real(value)
        }
    }

    /// The whole number, if it is one.
    var integer: Int? { if case .integer(let value) = self { value } else { nil } }

    /// The number, whole or not, if it is one.
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value as JSON writes it, for messages.
    package var description: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .text(let value): value.debugDescription
        case .list(let value): "[" + value.map(\.description).joined(separator: ", ") + "]"
        case .object(let value):
            "{"
                + value.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(
                    separator: ", ")
                + "}"
        }
    }

    /// Whether every number in it is finite, so that it can be written as JSON again.
    var isFinite: Bool {
        switch self {
        case .real(let value): value.isFinite
        case .list(let list): list.allSatisfy(\.isFinite)
        case .object(let object): object.values.allSatisfy(\.isFinite)
        default: true
        }
    }

    /// The value as a message quotes it: its first 80 characters.
    var quoted: String { shortened(description) }
}
