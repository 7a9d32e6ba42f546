/// The verdict on a claim of the sources, with what was claimed, by which rule it was decided, and what decided it.
public struct ClaimDocument: Codable, Hashable, Sendable {
    /// The version of the JSON layout.
    public private(set) var formatVersion: Int? = Self.currentFormatVersion
    /// What was claimed and how it is decided.
    public let statement: ClaimStatement
    /// How much was run: `short` or `full`.
    public let form: String
    /// The seeds that statistical claims were given.
    public let seeds: [UInt64]
    /// What was found.
    public let finding: ClaimFinding
    /// Where and when; the command is the one that repeats it.
    public let environment: EnvironmentSummary
    /// The seconds that it took, without runs that were kept from before.
    public let seconds: Double

    /// Gathers what was found.
    public init(
        _ statement: ClaimStatement, form: String, seeds: [UInt64], finding: ClaimFinding,
        environment: EnvironmentSummary, seconds: Double
    ) {
        self.statement = statement
        self.form = form
        self.seeds = seeds
        self.finding = finding
        self.environment = environment
        self.seconds = seconds
    }

    /// The number of seeds that the verdict rests on: a claim whose runs are short may take more than the usual ones.
    package var seedCount: Int { max(seeds.count, finding.contrasts.map(\.seeds.count).max() ?? 0) }
}

/// What a source claims, and the rule that decides it.
public struct ClaimStatement: Codable, Hashable, Sendable {
    /// The claim's name on the command line.
    public let name: String
    /// What the source says.
    public let sentence: String
    /// The source, by author and title.
    public let document: String
    /// The source in a few words, for tables; nil if that is the document's name.
    public let citation: String?
    /// The place in it.
    public let place: String
    /// What is measured, and which outcome gives which verdict.
    public let rule: String
    /// The least number of seeds that a verdict needs; nil for what has none.
    public let leastSeeds: Int?

    /// States a claim.
    public init(
        name: String, sentence: String, document: String, citation: String? = nil, place: String,
        rule: String, leastSeeds: Int?
    ) {
        self.citation = citation
        self.name = name
        self.sentence = sentence
        self.document = document
        self.place = place
        self.rule = rule
        self.leastSeeds = leastSeeds
    }
}

extension ClaimDocument: StudyDocument {
    /// The number of seeds that a verdict has unless the user wants another.
    package static let usualSeedCount = 10
    /// The name of the document in messages.
    public static let kind = "the verdict on a claim"
    /// The version of the JSON layout that this package writes and reads.
    public static let currentFormatVersion = 1

    /// The claim and its verdict.
    public var title: String {
        let source = "(\(statement.document), \(statement.place))"
        let parts = [
            "\(statement.name): \(finding.verdict.rawValue)", "\(statement.sentence)\n\(source)",
            finding.answer,
        ].map { part in
            part.split(separator: "\n").flatMap { DisplayWidth.wrapped(String($0).printable, width: 100) }
                .joined(separator: "\n")
        }
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// What of the verdict is restricted.
    public var warnings: [String] { finding.remarks }

    /// The meaning of the columns; empty without differences.
    public var legend: String {
        finding.contrasts.isEmpty
            ? ""
            : "Differences are paired by seed, negative where the first is better, with Student's 95 % interval. Margin: the "
                + "smallest difference that matters, stated beforehand."
    }

    /// A row for each difference that was judged; the first table of what was measured where there are none.
    public var overview: StudyTable {
        guard !finding.contrasts.isEmpty else {
            let tables = finding.exhibits.compactMap { exhibit -> ExhibitTable? in
                if case .table(let table) = exhibit { table } else { nil }
            }
            return (tables.first ?? ExhibitTable(title: "", columns: [], rows: [])).studyTable
        }
        return StudyTable(
            finding.contrasts,
            [
                StudyColumn(["Compared"], .left) { .init("\($0.label) less \($0.reference)") },
                StudyColumn(["Quantity"], .left) { .init($0.quantity) },
                StudyColumn(["Seeds"]) { .init("\($0.seeds.count)") },
                StudyColumn(["Difference"], .left) { .init($0.figures) },
                StudyColumn(["Margin"]) { .init(NumberText.significant($0.margin)) },
                StudyColumn(["Verdict"], .left) { .init($0.verdict.rawValue) },
                StudyColumn(["Note"], .left) { .init($0.note) },
            ])
    }

    /// A row for each difference of each seed.
    public var records: StudyTable {
        struct Row {
            let contrast: ClaimContrast
            let seed: UInt64
            let difference: Double
        }
        let rows = finding.contrasts.flatMap { contrast in
            zip(contrast.seeds, contrast.differences).map {
                Row(contrast: contrast, seed: $0, difference: $1)
            }
        }
        return StudyTable(
            rows,
            [
                .field("arm") { $0.contrast.label }, .field("reference") { $0.contrast.reference },
                .field("quantity") { $0.contrast.quantity }, .field("seed") { "\($0.seed)" },
                .field("difference", number: { $0.difference }),
            ])
    }

    /// Throws for what no verdict has.
    public func validate() throws(DocumentFault) {
        guard formatVersion == Self.currentFormatVersion else {
            throw DocumentFault("formatVersion", "is missing")
        }
        for (place, text) in [
            ("statement.name", statement.name), ("statement.sentence", statement.sentence),
            ("statement.document", statement.document), ("statement.citation", statement.citation ?? ""),
            ("statement.place", statement.place),
            ("statement.rule", statement.rule), ("form", form),
        ] { try DocumentLimits.requireText(text, limit: DocumentLimits.name, place) }
        if let least = statement.leastSeeds {
            try DocumentLimits.requireCount(least, "statement.leastSeeds")
        }
        try DocumentLimits.each(seeds, "seeds") { (_, _) throws(DocumentFault) in }
        try DocumentLimits.requireTime(seconds, "seconds")
        try environment.validate("environment")
        try finding.validate("finding")
    }
}
