import Foundation

extension OptimizerComparison {
    /// The comparison as indented JSON with sorted keys: equal results give equal bytes.
    ///
    /// Numbers that JSON lacks are written as the strings `"NaN"`, `"Infinity"`, `"-Infinity"`.
    public func json() -> Data { StoredJSON.encode(self) }

    /// Reads what `json()` wrote.
    ///
    /// - Throws: `ComparisonFileError.notAComparison` or `.unknownVersion`, naming `path`.
    public init(json data: Data, path: String) throws(ComparisonFileError) {
        struct Version: Decodable {
            var formatVersion: Int
        }
        do {
            // The version is looked at alone: a later layout may lack what this one expects.
            let version = try StoredJSON.decode(Version.self, from: data).formatVersion
            if version != Self.currentFormatVersion {
                throw ComparisonFileError.unknownVersion(path: path, version: version)
            }
            self = try StoredJSON.decode(OptimizerComparison.self, from: data)
        } catch let error as ComparisonFileError {
            throw error
        } catch {
            throw .notAComparison(path: path, reason: StoredJSON.reason(error))
        }
    }
}
