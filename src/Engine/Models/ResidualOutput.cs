using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>The end of a block: x + linear(input), or x + norm(linear(input)) where the block has a norm of its own there.</summary>
internal sealed class ResidualOutput(LinearLayer linear, RmsNormLayer? norm)
{
    public LinearLayer Linear => linear;

    public bool Trains => linear.Trains || norm is { Trains: true };

    /// <summary>x and result (T, C) may be the same rows; <paramref name="saved"/> is there where a norm is.</summary>
    public void Forward(Pass pass, NormRows? saved, Tensor input, Tensor x, Tensor result)
    {
        if (norm is null)
        {
            linear.Forward(pass, input, result, addend: x);
            return;
        }

        Tensor branch = saved!.Input.Take(pass.Tokens);
        linear.Forward(pass, input, branch);
        norm.Forward(pass.Backend, branch, result, saved.InverseRms.Take(pass.Tokens), addend: x);
    }

    /// <summary>Whether a backward pass needs more than the input of this.</summary>
    public bool Saves => norm is not null;

    /// <summary>dInput receives its gradient where not null; dStream (T, C), the gradient of the result and of x, is not changed.</summary>
    public void Backward(Pass pass, NormRows? saved, Scratch scratch, Tensor dStream, Tensor input, Tensor? dInput)
    {
        Tensor dBranch = dStream;
        if (norm is not null)
        {
            dBranch = scratch.DNormed.Take(pass.Tokens);
            pass.Backend.Zero(dBranch);
            norm.Backward(pass.Backend, dStream, saved!.Input.Take(pass.Tokens), saved.InverseRms.Take(pass.Tokens), dBranch);
        }

        linear.Backward(pass, dBranch, input, dInput);
    }
}
