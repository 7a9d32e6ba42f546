import FisherFiles
import FisherInformation
import Foundation

/// What is asked of a fit.
package struct InferenceRequest: Sendable {
    /// Nil: by clusters where there are any, and otherwise as the information-matrix test decides.
    package var covariance: CovarianceKind?
    package var smallSampleFactor = SmallSampleFactor.full
    package var level = 0.95
    package var profiles = false
    package var contrasts: [String] = []
    package var functions: [String] = []
    /// Draws of the information-matrix test; 0: it is not made.
    package var replicates = 199
    package var seed: UInt64 = 0

    package init() {}
}

extension LikelihoodFit {
    /// Answers a request; tests of terms are added by the caller, who knows them.
    ///
    /// - Parameters:
    ///   - title: the model in a line.
    ///   - canRefit: whether the data are at hand, for constrained fits and draws.
    package func document(
        _ request: InferenceRequest, title: String, canRefit: Bool = true,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> InferenceDocument {
        let test = try canRefit ? modelTest(request, progress) : nil
        let (kind, reason) = choice(request, test: test?.found, fault: test?.fault)
        let matrix = try covariance(kind, factor: request.smallSampleFactor)
        let reference = reference(kind)
        var document = InferenceDocument(
            model: title, units: model.unitCount, parameters: rank, residualDegrees: residualDegrees,
            iterations: maximum.iterations, lastStep: maximum.decrement.squareRoot(),
            logLikelihood: logLikelihood, covariance: kind, reason: reason,
            smallSampleFactor: kind.isRobust ? request.smallSampleFactor : nil,
            clusters: kind == .cluster ? clusterVariance?.clusterCount : nil, reference: reference.name,
            level: request.level)
        document.modelTest = test?.found.map { found in
            .init(
                statistic: found.statistic, measure: found.measure.rawValue, probability: found.probability,
                replicates: found.replicateCount, failures: found.failureCount, rejected: found.rejects())
        }
        func estimate(_ name: String, _ gradient: [Double], _ value: Double) -> InferenceDocument.Estimate {
            guard expected.determines(gradient) else {
                return .init(name: name, determined: false, estimate: value)
            }
            let error = max(0, matrix.form(gradient, gradient)).squareRoot()
            let half = reference.quantile(tail: 1 - request.level) * error
            return .init(
                name: name, estimate: value, standardError: error, statistic: value / error,
                probability: reference.tail(value / error), lower: value - half, upper: value + half)
        }
        func profiled(
            _ found: InferenceDocument.Estimate, _ function: [Double], _ constant: Double = 0
        ) throws -> InferenceDocument.Estimate {
            guard request.profiles, canRefit, found.determined else { return found }
            var found = found
            let ends = try profileInterval(of: function, level: request.level)
            (found.profileLower, found.profileUpper) = (ends.lower + constant, ends.upper + constant)
            return found
        }
        document.coefficients = try names.indices.map { index in
            let unit = names.indices.map { $0 == index ? 1.0 : 0 }
            return try profiled(estimate(names[index], unit, point[index]), unit)
        }
        let subspace = IdentifiableSubspace(expected, names: names)
        document.undetermined = subspace.undetermined.map(\.description)
        document.combinations = try subspace.combinations.map { combination in
            try profiled(
                estimate(
                    combination.description, combination.coefficients, dot(combination.coefficients, point)),
                combination.coefficients)
        }
        for text in request.contrasts {
            let (function, value) = try ParameterFunction.contrast(text, names: names, at: point)
            var found = estimate(text, function.gradient, function.value)
            // The test is of the contrast's own value.
            if let error = found.standardError {
                let statistic = (function.value - value) / error
                (found.statistic, found.probability) = (statistic, reference.tail(statistic))
            }
            document.contrasts.append(try profiled(found, function.gradient, function.constant))
            guard found.determined, canRefit else { continue }
            let hypothesis = text.contains("=") ? text : text + " = 0"
            document.add(
                try tests(
                    function.gradient, equals: value - function.constant, covariance: matrix, kind: kind),
                of: hypothesis)
        }
        document.functions = try request.functions.map { text in
            let function = try ParameterFunction(text, names: names, at: point)
            return estimate(text, function.gradient, function.value)
        }
        return document
    }

    private func modelTest(
        _ request: InferenceRequest, _ progress: (Int) throws -> Void
    ) throws -> (found: InformationMatrixTest?, fault: String?) {
        guard request.replicates > 0 else { return (nil, nil) }
        do {
            return (
                try informationMatrixTest(
                    replicates: request.replicates, seed: request.seed, progress: progress), nil
            )
        } catch let fault as InferenceFault {
            return (nil, fault.description)
        } catch let fault as ModelError {
            return (nil, fault.description)
        }
    }

    private func choice(
        _ request: InferenceRequest, test: InformationMatrixTest?, fault: String?
    ) -> (kind: CovarianceKind, reason: String) {
        if let kind = request.covariance { return (kind, "as asked for") }
        if clusterVariance != nil { return (.cluster, "since there are clusters") }
        guard let test else {
            return (
                .standard,
                "which supposes a right model: "
                    + (fault.map { "the model could not be tested, \($0)" } ?? "the model was not tested")
            )
        }
        return test.rejects()
            ? (.sandwich, "since the information-matrix test rejects the model")
            : (.standard, "since the information-matrix test does not reject the model")
    }
}

extension InferenceDocument {
    package mutating func add(_ tests: [HypothesisTest], of hypothesis: String) {
        self.tests += tests.map {
            Test(
                hypothesis: hypothesis, kind: $0.kind.rawValue, statistic: $0.statistic,
                distribution: $0.distribution.name, probability: $0.probability, robust: $0.isRobust)
        }
    }
}
