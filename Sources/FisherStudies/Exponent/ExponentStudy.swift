import Foundation

/// The study of FAdam's exponent: a screening of many arms on one problem with two seeds, and finals of at most six on many
/// problems with ten.
package struct ExponentStudy: Codable, Hashable, Sendable {
    /// The version of the JSON layout.
    package private(set) var formatVersion: Int? = Self.currentFormatVersion
    /// The seeds of each finalist on each problem.
    package static let finalSeedCount = 10

    /// Where it was measured.
    package var environment: EnvironmentSummary
    /// The arms of the screening that have been made, in its order.
    package var screening: [ExponentResult]
    /// The number of arms that the screening has.
    package var screeningArmCount: Int
    /// The finalists' results that have been made, problem by problem.
    package var finals: [ExponentResult]
    /// The problems of the finals, with what they are.
    package var problems: [Problem]

    /// A problem of the finals.
    package struct Problem: Codable, Hashable, Sendable {
        /// The name.
        package var name: String
        /// The command that trains on it, without the optimizer.
        package var command: String

        package init(name: String, command: String) {
            (self.name, self.command) = (name, command)
        }
    }

    package init(
        environment: EnvironmentSummary, screening: [ExponentResult], screeningArmCount: Int,
        finals: [ExponentResult], problems: [Problem]
    ) {
        self.environment = environment
        self.screening = screening
        self.screeningArmCount = screeningArmCount
        self.finals = finals
        self.problems = problems
    }

    /// Whether the screening has all of its arms.
    package var isScreened: Bool { screening.count >= screeningArmCount }

    /// The finalists by the rule that was stated beforehand; none before the screening is complete.
    package var finalists: [ExponentFinalist] { isScreened ? ExponentFinalist.all(of: screening) : [] }

    /// The differences to 1/2 in the finals.
    package var contrasts: [ExponentContrast] { ExponentContrast.all(of: finals, finalists) }

    /// What direction and length contribute to the higher power's differences in the finals.
    package var decompositions: [ExponentDecomposition] {
        ExponentDecomposition.all(of: finals, finalists)
    }

    /// Whether every finalist has its runs on every problem.
    package var isComplete: Bool {
        isScreened && !finalists.isEmpty
            && problems.allSatisfy { problem in
                finalists.allSatisfy { finalist in
                    finals.contains {
                        $0.problem == problem.name && $0.arm == finalist.arm
                            && $0.runs.count >= Self.finalSeedCount
                    }
                }
            }
    }

    /// The finalists that are better than 1/2 on every problem: only one of them could become a default.
    package var betterEverywhere: [ExponentFinalist] {
        guard isComplete else { return [] }
        return finalists.filter { finalist in
            let own = contrasts.filter { $0.finalist == finalist }
            return finalist.role.isCandidate && own.count == problems.count
                && own.allSatisfy { $0.outcome == .better }
        }
    }

    /// The time that all runs at chosen rates trained, in hours.
    package var trainingHours: Double {
        (screening + finals).flatMap(\.runs).reduce(0) { $0 + $1.seconds } / 3600
    }
}

extension ExponentStudy: StudyDocument {
    /// The name of the document in messages.
    package static let kind = "a result of fisher reproduce exponent-study"
    /// The version of the JSON layout that this package writes and reads.
    package static let currentFormatVersion = 1

    package var title: String { "FAdam's exponent" }

    /// Throws for texts that no study of this kind has.
    package func validate() throws(DocumentFault) {
        guard formatVersion == Self.currentFormatVersion else {
            throw DocumentFault("formatVersion", "is missing")
        }
        try environment.validate("environment")
        for (name, results) in [("screening", screening), ("finals", finals)] {
            try DocumentLimits.each(results, name) { (result, place) throws(DocumentFault) in
                try DocumentLimits.requireText(
                    result.problem, limit: DocumentLimits.name, "\(place).problem")
                try DocumentLimits.requireText(
                    result.arm.rule, limit: DocumentLimits.name, "\(place).arm.rule")
                for run in result.runs {
                    try DocumentLimits.requireTime(run.seconds, "\(place).runs.seconds")
                }
            }
        }
    }
}
