import Foundation

extension StudyFiles {
    /// The keys of an object.
    private struct Shape: Decodable {
        let keys: Set<String>

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            keys = Set(try decoder.container(keyedBy: Key.self).allKeys.map(\.stringValue))
        }
    }

    /// The kind of the results, by a key that the other layouts lack; nil for what has none of them.
    package func resultLayout() throws(StudyFileError) -> StudyKind? {
        let data: Data
        do throws(StorageError) {
            data = try DurableStorage.readFile(at: json, followingLinks: false)
        } catch {
            throw .storage(error)
        }
        let keys = (try? StoredJSON.decode(Shape.self, from: data))?.keys ?? []
        let marks: [(String, StudyKind)] = [
            ("levels", .hierarchy), ("lines", .landscape), ("trials", .continual), ("statement", .claim),
            ("screeningArmCount", .exponent), ("entries", .comparison),
        ]
        return marks.first { keys.contains($0.0) }?.1
    }

    /// Reads the result back, of whatever kind of study it is; what is of none is told as a comparison's fault.
    ///
    /// - Throws: `StudyFileError`, naming the file.
    public func readResult() throws(StudyFileError) -> any StudyDocument {
        switch try resultLayout() {
        case .hierarchy: try read(HierarchyComparison.self)
        case .landscape: try read(LandscapeStudy.self)
        case .continual: try read(ContinualComparison.self)
        case .claim: try read(ClaimDocument.self)
        case .exponent: try read(ExponentStudy.self)
        case .comparison, .ablation, .pilot, nil: try read(OptimizerComparison.self)
        }
    }
}
