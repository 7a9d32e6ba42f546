import NeuralNet
import Torch

extension InformationFile {
    /// The estimate of the data of several files: the sum of their sums over the sum of their counts, which is the estimate
    /// from all the data to rounding. The order of the files does not matter.
    ///
    /// Throws `InformationFileError`, which names two files and the key that differs, unless all are of one network,
    /// likelihood, structure, source and convention at the same weights; for data that two of them share, unless
    /// repeats are allowed; for leading eigenpairs, which cannot be merged; and for eigenvalues in different bases.
    ///
    /// - Parameters:
    ///   - files: two files or more, with the names by which errors call them.
    ///   - allowingRepeats: whether data may occur twice and then counts twice, as in a bootstrap sample.
    public static func merged(
        _ files: [(name: String, file: InformationFile)], allowingRepeats: Bool = false
    ) throws(InformationFileError) -> InformationFile {
        guard let first = files.first, files.count > 1 else {
            throw InformationFileError("merging needs two files or more")
        }
        for other in files.dropFirst() { try requireAgreement(first, other) }
        if !allowingRepeats { try requireDistinctData(files) }
        // A fixed order of summation: the same files have the same sum in every order.
        let sorted = files.sorted { first, second in
            func key(_ file: InformationFile) -> [String] {
                file.header.parts.map { "\($0.data) \($0.seed.map(String.init) ?? "")" }
            }
            return key(first.file).lexicographicallyPrecedes(key(second.file))
        }
        var total = sorted[0].file
        for other in sorted.dropFirst() {
            do throws(CurvatureError) {
                total.estimate = try total.estimate.adding(other.file.estimate)
            } catch {
                throw InformationFileError(
                    "\(sorted[0].name) and \(other.name) cannot be merged: \(reason(error, first.file))")
            }
            total.header.parts += other.file.header.parts
        }
        total.header.parts.sort { ($0.data, $0.seed ?? 0) < ($1.data, $1.seed ?? 0) }
        return InformationFile(total.estimate, header: total.header)
    }

    /// The parts whose labels were drawn with a seed that another part has: their draws are not independent.
    public static func repeatedSeeds(_ files: [InformationFile]) -> [UInt64] {
        let seeds = files.flatMap(\.header.parts).compactMap(\.seed)
        return Dictionary(grouping: seeds) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    }

    private static func requireAgreement(
        _ first: (name: String, file: InformationFile), _ other: (name: String, file: InformationFile)
    ) throws(InformationFileError) {
        let (own, its) = (first.file.header, other.file.header)
        let keys: [(String, String, String)] = [
            ("structure", own.structure, its.structure), ("source", "\(own.source)", "\(its.source)"),
            ("sharing", own.sharing?.rawValue ?? "none", its.sharing?.rawValue ?? "none"),
            ("network", own.network, its.network), ("likelihood", own.likelihood, its.likelihood),
            ("dtype", own.dtype, its.dtype), ("weights", own.weights, its.weights),
        ]
        for (key, one, two) in keys where one != two {
            throw InformationFileError(
                "\(first.name) and \(other.name) cannot be merged: their \(key) differs, \(brief(one)) and \(brief(two))"
            )
        }
    }

    private static func requireDistinctData(
        _ files: [(name: String, file: InformationFile)]
    ) throws(InformationFileError) {
        var owners: [String: String] = [:]
        for (name, file) in files {
            for data in Set(file.header.parts.map(\.data)).sorted() {
                guard let owner = owners.updateValue(name, forKey: data) else { continue }
                throw InformationFileError(
                    "\(owner) and \(name) hold the same data, \(brief(data)), which would count twice",
                    isAboutRepeats: true)
            }
        }
    }

    /// What tells two fingerprints apart at a glance; other texts as they are.
    private static func brief(_ text: String) -> String {
        text.utf8.count == 64 && text.allSatisfy(\.isHexDigit)
            ? String(text.prefix(12)) : shortened(text)
    }

    private static func reason(_ error: CurvatureError, _ file: InformationFile) -> String {
        guard case .mismatched(let reason) = error else { return "\(error)" }
        if case .eigenvalueCorrected = file.estimate {
            return
                "\(reason); merge their kronecker files, and estimate ekfac in the bases of the merged file (--bases)"
        }
        return reason
    }
}

extension InformationFile.Estimate {
    /// The estimate of both parts of the data.
    fileprivate func adding(_ other: Self) throws(CurvatureError) -> Self {
        switch (self, other) {
        case (.full(let a), .full(let b)): .full(try a.adding(b))
        case (.blocks(let a), .blocks(let b)): .blocks(try a.adding(b))
        case (.diagonal(let a), .diagonal(let b)): .diagonal(try a.adding(b))
        case (.kronecker(let a), .kronecker(let b)): .kronecker(try a.adding(b))
        case (.kroneckerDiagonal(let a), .kroneckerDiagonal(let b)): .kroneckerDiagonal(try a.adding(b))
        case (.eigenvalueCorrected(let a), .eigenvalueCorrected(let b)):
            .eigenvalueCorrected(try a.adding(b))
        case (.lowRank(let a), .lowRank(let b)): .lowRank(try a.adding(b))
        default: throw .mismatched(reason: "they are of other structures")
        }
    }
}
