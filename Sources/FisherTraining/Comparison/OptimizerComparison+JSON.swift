import Foundation

extension OptimizerComparison {
    private static let infinity = "Infinity"
    private static let negativeInfinity = "-Infinity"
    private static let notANumber = "NaN"

    /// The comparison as indented JSON with sorted keys: equal results give equal bytes.
    ///
    /// Numbers that JSON lacks are written as the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
    public func json() -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: Self.infinity, negativeInfinity: Self.negativeInfinity, nan: Self.notANumber
        )
        guard var data = try? encoder.encode(self) else {
            preconditionFailure("a comparison holds only what JSON can hold")
        }
        data.append(contentsOf: [0x0A])
        return data
    }

    /// Reads what `json()` wrote.
    ///
    /// - Throws: `ComparisonFileError.notAComparison` or `.unknownVersion`, naming `path`.
    public init(json data: Data, path: String) throws(ComparisonFileError) {
        struct Version: Decodable {
            var formatVersion: Int
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: Self.infinity, negativeInfinity: Self.negativeInfinity, nan: Self.notANumber
        )
        do {
            // The version is looked at alone: a later layout may lack what this one expects.
            let version = try decoder.decode(Version.self, from: data).formatVersion
            if version != Self.currentFormatVersion {
                throw ComparisonFileError.unknownVersion(path: path, version: version)
            }
            self = try decoder.decode(OptimizerComparison.self, from: data)
        } catch let error as ComparisonFileError {
            throw error
        } catch let error as DecodingError {
            throw .notAComparison(path: path, reason: Self.reason(error))
        } catch {
            throw .notAComparison(path: path, reason: error.localizedDescription)
        }
    }

    /// What was wrong and where, in a few words.
    private static func reason(_ error: DecodingError) -> String {
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
            return context.codingPath.isEmpty ? "it is not JSON" : "\(place(context)) is not a known value"
        @unknown default: return "it cannot be decoded"
        }
    }
}
