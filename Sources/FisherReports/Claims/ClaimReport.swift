import FisherStudies
import Foundation

extension ClaimDocument: ReportedStudy {
    /// The verdict as one self-contained HTML page, readable without a network and without scripts.
    public func report() -> String { ClaimReport(document: self).page.source }
}

/// Assembles the page of a claim.
struct ClaimReport {
    let document: ClaimDocument

    private var statement: ClaimStatement { document.statement }
    private var finding: ClaimFinding { document.finding }

    var page: ReportPage {
        ReportPage(
            title: "\(statement.name): \(finding.verdict.rawValue)",
            [
                .opening(
                    "A claim of the sources", title: finding.verdict.rawValue.capitalizedFirst,
                    description: statement.sentence, headline: finding.answer,
                    facts: [
                        statement.document, statement.place, "\(document.form) form",
                        document.environment.readableDate,
                    ]),
                .section("Rule", [.tag("p", [:], statement.rule)]),
                finding.contrasts.isEmpty
                    ? nil
                    : .section("Differences", [.table(document.overview)], notes: [document.legend]),
                .warnings(finding.remarks),
                .footer(document.environment),
            ])
    }
}

extension String {
    /// The text with its first letter in upper case.
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
