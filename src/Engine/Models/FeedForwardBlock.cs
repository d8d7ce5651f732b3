using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>Norm, gated feed-forward network and residual: out = x + down(f(gate(n))·up(n)), n = norm(x). Shazeer 2020.</summary>
/// <param name="projections">Gate and up.</param>
internal sealed class FeedForwardBlock(RmsNormLayer norm, Projections projections, ResidualOutput down, Activation activation)
{
    public IEnumerable<LinearLayer> Linears => projections.Linears.Append(down.Linear);

    public bool Trains => down.Trains || InputTrains;

    private bool InputTrains => norm.Trains || projections.Trains;

    /// <summary>x and output (T, C) may be the same rows.</summary>
    public void Forward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor output)
    {
        Project(pass, saved, scratch, x);
        down.Forward(pass, saved.FeedForwardOutput, Gate(pass, saved, scratch), x, output);
    }

    /// <summary>The part of <see cref="Forward"/> whose results the backward pass needs.</summary>
    public void Recompute(Pass pass, LayerActivations saved, Scratch scratch, Tensor x)
    {
        Project(pass, saved, scratch, x);
        if (down.Saves)
        {
            down.Forward(pass, saved.FeedForwardOutput, Gate(pass, saved, scratch), x, scratch.Normed.Take(pass.Tokens));
        }
    }

    /// <summary>dStream (T, C) holds the gradient of the output and receives that of x where <paramref name="inputGradient"/>.</summary>
    public void Backward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor dStream, bool inputGradient)
    {
        int tokens = pass.Tokens;
        Backend backend = pass.Backend;
        Tensor gated = saved.Gate.Take(tokens), raised = saved.Up.Take(tokens);
        Tensor hidden = down.Linear.Trains ? Gate(pass, saved, scratch) : scratch.Hidden.Take(tokens);
        Tensor? dHidden = inputGradient || InputTrains ? scratch.DHidden.Take(tokens) : null;
        down.Backward(pass, saved.FeedForwardOutput, scratch, dStream, hidden, dHidden);
        if (dHidden is null)
        {
            return;
        }

        backend.GatedActivationBackward(dHidden, gated, raised, activation, dHidden, hidden);
        Tensor normed = scratch.Normed.Take(tokens), inverseRms = saved.MiddleInverseRms.Take(tokens);
        if (projections.Trains)
        {
            norm.Forward(backend, x, normed, inverseRms);
        }

        Tensor? dNormed = inputGradient || norm.Trains ? scratch.DNormed.Take(tokens) : null;
        projections.Backward(pass, scratch.GateUp, normed, dNormed, dHidden, hidden);
        if (dNormed is not null)
        {
            norm.Backward(backend, dNormed, x, inverseRms, dStream);
        }
    }

    private void Project(Pass pass, LayerActivations saved, Scratch scratch, Tensor x)
    {
        int tokens = pass.Tokens;
        Tensor normed = scratch.Normed.Take(tokens);
        norm.Forward(pass.Backend, x, normed, saved.MiddleInverseRms.Take(tokens));
        projections.Forward(pass, scratch.GateUp, normed, saved.Gate.Take(tokens), saved.Up.Take(tokens));
    }

    private Tensor Gate(Pass pass, LayerActivations saved, Scratch scratch)
    {
        Tensor hidden = scratch.Hidden.Take(pass.Tokens);
        pass.Backend.GatedActivation(saved.Gate.Take(pass.Tokens), saved.Up.Take(pass.Tokens), activation, hidden);
        return hidden;
    }
}
