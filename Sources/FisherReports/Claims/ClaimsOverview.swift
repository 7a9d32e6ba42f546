import FisherStudies
import Foundation

/// The verdicts on many claims: a page that links theirs, and a document.
///
/// Equal findings give equal bytes of the document: dates and times are on the claims' own pages.
public struct ClaimsOverview: Sendable {
    /// The verdicts in the order of the claims; those that were not decided say why in their answers.
    public let documents: [ClaimDocument]
    /// The command that decides all of them and writes the document.
    public let command: String

    /// The names of claims that have not been decided: no page is theirs.
    public let open: Set<String>

    /// Gathers verdicts.
    ///
    /// - Parameters:
    ///   - documents: the verdicts.
    ///   - open: the names of claims without a verdict, whose documents say why.
    ///   - command: the command that decides all of them.
    public init(_ documents: [ClaimDocument], open: Set<String> = [], command: String) {
        self.documents = documents
        self.open = open
        self.command = command
    }

    /// The verdict on a claim in words.
    private func verdict(_ document: ClaimDocument) -> String {
        open.contains(document.statement.name) ? "not decided" : document.finding.verdict.rawValue
    }

    /// How many claims have which verdict, in a sentence.
    public var sentence: String {
        let text = NumberText.plain
        func count(_ verdict: ClaimVerdict) -> Int {
            documents.filter { $0.finding.verdict == verdict && !open.contains($0.statement.name) }.count
        }
        let rest =
            open.isEmpty ? "" : ", and \(open.count) \(open.count == 1 ? "has" : "have") not been decided"
        return
            "Of \(text.counted(documents.count, "claim")) \(count(.holds)) hold, \(count(.doesNotHold)) do not hold here, "
            + "\(count(.undecided)) cannot be told at this size\(rest)."
    }

    /// The table of all claims.
    var table: StudyTable {
        StudyTable(
            documents,
            [
                StudyColumn(["Claim"], .left) { .init($0.statement.name) },
                StudyColumn(["Source"], .left) { .init($0.source) },
                StudyColumn(["Verdict"], .left) { .init(verdict($0)) },
                StudyColumn(["What decided"], .left) { .init($0.finding.answer.oneLine) },
                StudyColumn(["Seeds"], .left) { .init($0.seedsText) },
            ])
    }

    /// The document: a table of all claims, and a section on each with its rule, its numbers and its command.
    public func markdown() -> String {
        """
        <!-- Made by `\(command)`: changes by hand are lost. -->
        # Claims of the sources

        What the sources claim, and what a reproduction of this size says. The rule of each claim was stated before its runs; \
        how verdicts are made is told in the article "Verdicts on claims" of `FisherClaims`. Losses are of held-out data, \
        differences are paired by seed and negative where the first is better, and intervals are Student's at 95 %.

        \(sentence) Remade by `\(command)`; every claim alone by its command.

        \(linkedTable)
        \(documents.map(section).joined(separator: "\n"))
        """
    }

    private var linkedTable: String {
        StudyTable(
            documents,
            [
                StudyColumn(["Claim"], .left) { .init("[\($0.statement.name)](#\($0.statement.name))") },
                StudyColumn(["Source"], .left) { .init($0.source) },
                StudyColumn(["Verdict"], .left) { .init(verdict($0)) },
                StudyColumn(["What decided"], .left) { .init($0.finding.answer.oneLine) },
                StudyColumn(["Seeds"], .left) { .init($0.seedsText) },
                StudyColumn(["Command"], .left) { .init("`\($0.repetition)`") },
            ]
        ).markdown()
    }

    private func section(_ document: ClaimDocument) -> String {
        let (statement, finding) = (document.statement, document.finding)
        var parts = [
            "## \(statement.name)", "> \(statement.sentence.oneLine)",
            "\(statement.document), \(statement.place).",
            "**\(open.contains(statement.name) ? "Not decided" : finding.verdict.headline).** \(finding.answer.oneLine)",
            "Rule: \(statement.rule.oneLine)",
        ]
        if document.overview.rowCount > 0 {
            parts.append(
                document.overview.markdown().trimmingCharacters(in: .newlines))
        }
        if !finding.remarks.isEmpty {
            parts.append(finding.remarks.map { "- \($0.oneLine)" }.joined(separator: "\n"))
        }
        parts.append("`\(document.repetition)`")
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// The page that links the claims' own, which lie in folders of their names beside it.
    public func page() -> String {
        ReportPage(
            title: "Claims of the sources",
            [
                .opening(
                    "Reproduction", title: "Claims of the sources",
                    description: "What the sources claim, and what a reproduction of this size says.",
                    headline: sentence),
                .section(
                    "All claims",
                    [
                        .table(
                            table, class: "results runs judged", style: { _ in nil },
                            label: { row in
                                let name = documents[row].statement.name
                                return open.contains(name)
                                    ? [.text(name)] : [.tag("a", ["href": "\(name)/report.html"], name)]
                            })
                    ]),
                .tag("pre", ["class": "command"], [.tag("code", [:], command)]),
            ]
        ).source
    }
}

extension ClaimDocument {
    /// The document in a few words, and the place.
    fileprivate var source: String { "\(statement.citation ?? statement.document): \(statement.place)" }

    /// The seeds that a verdict rests on.
    fileprivate var seedsText: String { statement.leastSeeds == nil ? "exact" : "\(seedCount)" }

    /// The command that decides the claim again.
    fileprivate var repetition: String {
        "fisher reproduce \(statement.name)" + (form == "short" ? "" : " --form \(form)")
            + (seeds.count == ClaimDocument.usualSeedCount ? "" : " --seeds \(seeds.count)")
    }
}

extension String {
    /// The text without line breaks.
    fileprivate var oneLine: String {
        split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.joined(
            separator: " ")
    }
}
