import Foundation
import Torch

/// JSON as runs store it: sorted keys, and words for the numbers that JSON lacks.
package enum StoredJSON {
    private static let (infinity, negativeInfinity, notANumber) = ("Infinity", "-Infinity", "NaN")

    /// Indented, with a line feed at its end; or one line without.
    package static func encode(_ value: some Encodable, indented: Bool = true) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            indented
            ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: infinity, negativeInfinity: negativeInfinity, nan: notANumber)
        guard var data = try? encoder.encode(value) else {
            preconditionFailure("\(type(of: value)) holds only what JSON can hold")
        }
        if indented { data.append(0x0A) }
        return data
    }

    /// Reads what `encode` wrote; throws what Foundation throws, and `StrictJSON.Fault` for what Foundation tolerates: keys
    /// that occur twice, other encodings than UTF-8, numbers without end.
    package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        try StrictJSON.check([UInt8](data))
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: infinity, negativeInfinity: negativeInfinity, nan: notANumber)
        return try decoder.decode(type, from: data)
    }

    /// What is wrong with a document and where, in a few words.
    package static func reason(_ error: any Error) -> String {
        if let fault = error as? StrictJSON.Fault { return "it is not JSON: \(fault)" }
        guard let error = error as? DecodingError else { return "\(error)" }
        func place(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            let path = context.codingPath + (last.map { [$0] } ?? [])
            return path.reduce(into: "") { text, key in
                if let index = key.intValue {
                    text += "[\(index)]"
                } else {
                    text += (text.isEmpty ? "" : ".") + key.stringValue
                }
            }
        }
        switch error {
        case .keyNotFound(let key, let context): return "\(place(context, key)) is missing"
        case .valueNotFound(_, let context): return "\(place(context)) has no value"
        case .typeMismatch(let type, let context): return "\(place(context)) is not of type \(type)"
        case .dataCorrupted(let context):
            // What is no JSON was refused before; Foundation names no place of a number that does not fit its type.
            return context.codingPath.isEmpty
                ? "it has a number that is too large, or that is not whole where it must be"
                : "\(place(context)) is not a known value"
        @unknown default: return "it cannot be decoded"
        }
    }
}
