import FisherFiles
import FisherTables
import Foundation

/// Inference from a table: a fit, and what a request asks of it.
package struct TableInference {
    package let specification: ModelSpecification
    package let fit: LikelihoodFit<RegressionModel>
    package let rowCount: Int
    package let dropped: Int

    package init(_ specification: ModelSpecification, table: Table, dropsMissing: Bool) throws {
        let (model, dropped) = try specification.model(of: table, dropsMissing: dropsMissing)
        self.specification = specification
        self.dropped = dropped
        rowCount = table.rowCount - dropped
        fit = try LikelihoodFit(model)
    }

    /// Answers a request.
    ///
    /// - Parameters:
    ///   - dropping: terms, each of which is tested against the others.
    ///   - dropsEach: whether every term is.
    ///   - progress: is told the number of draws that are done.
    package func document(
        _ request: InferenceRequest, dropping: [String] = [], dropsEach: Bool = false,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> InferenceDocument {
        var document = try fit.document(request, title: specification.title, progress: progress)
        document.rows = rowCount
        document.dropped = dropped
        document.notes = specification.notes
        (document.aic, document.bic, document.tic) = (fit.aic, fit.bic, fit.tic)
        if !specification.family.hasLevels {
            document.dispersion = fit.dispersion
            document.dispersionIsEstimated = fit.estimatesDispersion
        }
        let matrix = try fit.covariance(document.covariance, factor: request.smallSampleFactor)
        var tests: [(String, [Int])] = []
        if !fit.model.slopes.isEmpty { tests.append(("whole model", fit.model.slopes)) }
        let terms = fit.model.design.terms
        for name in dropsEach ? terms.map(\.name) : dropping {
            let key =
                name.hasPrefix("C(") && name.hasSuffix(")") ? String(name.dropFirst(2).dropLast()) : name
            guard let term = terms.first(where: { $0.name == key }) else {
                throw ModelError(
                    "there is no term \(name.quoted()) to drop; there are "
                        + terms.map(\.name).joined(separator: ", "), isUsage: true)
            }
            tests.append(("without \(name)", fit.model.parameters(ofColumns: term.columns)))
        }
        var first = document
        first.tests = []
        for (name, dropped) in tests {
            first.add(
                try fit.tests(dropping: dropped, covariance: matrix, kind: document.covariance), of: name)
        }
        document.tests = first.tests + document.tests
        return document
    }
}

extension ModelSpecification {
    /// The family, link and formula in a line.
    package var title: String {
        let name: String =
            switch family {
            case .ordinal: "ordinal, proportional odds"
            case .categorical: "categorical, multinomial logit"
            default: "\(family.rawValue), link \(link.rawValue)"
            }
        return "\(formula) (\(name))"
    }

    /// What a reader must know of references, levels and weights.
    package var notes: [String] {
        var notes: [String] = []
        if family == .binomial, let success = responseLevels.last {
            notes.append("success is \(success)")
        } else if family == .categorical, let first = responseLevels.first {
            notes.append("the response is compared with \(first)")
        } else if family == .ordinal {
            notes.append("levels in order: " + responseLevels.joined(separator: " < "))
        }
        notes += design.references.map { "\($0.column) is compared with \($0.level)" }
        if let trials { notes.append("trials: \(trials)") }
        if let offset { notes.append("offset: \(offset)") }
        if let weights {
            notes.append(
                "weights: \(weights) (\(weightKind == .frequency ? "counts of units" : "inverse variances"))")
        }
        return notes
    }
}
